import json

import pytest

from framework.errors import RunError
from framework.utils.files import write_atomically, write_json, write_text


def test_a_file_appears_only_when_its_body_has_ended(tmp_path):
    path = tmp_path / "model.keras"
    with write_atomically(path) as temporary:
        temporary.write_bytes(b"whole")
        assert temporary.suffix == ".keras"
        assert not path.exists()
    assert path.read_bytes() == b"whole"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failing_body_leaves_the_former_file_and_nothing_else(tmp_path):
    path = tmp_path / "metrics.json"
    path.write_text("former")
    with pytest.raises(KeyError), write_atomically(path) as temporary:
        temporary.write_text("half")
        raise KeyError("loss")
    assert path.read_text() == "former"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_one_message_and_leaves_nothing(tmp_path):
    with (
        pytest.raises(RunError, match=r"a\.txt: cannot be written: No space left on device\."),
        write_atomically(tmp_path / "a.txt") as temporary,
    ):
        temporary.write_text("half")
        raise OSError(28, "No space left on device")
    assert not list(tmp_path.iterdir())


def test_a_vanished_directory_is_one_message(tmp_path):
    with pytest.raises(RunError, match="cannot be written: No such file or directory"):
        write_text(tmp_path / "gone" / "a.txt", "text")


def test_json_is_strict_readable_and_open_to_others(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"Größe": [1, None]})
    assert json.loads(path.read_text(encoding="utf-8")) == {"Größe": [1, None]}
    assert "Größe" in path.read_text(encoding="utf-8")
    plain = tmp_path / "plain"
    plain.touch()
    assert path.stat().st_mode == plain.stat().st_mode
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(path, {"loss": float("nan")})
