"""Files that can't be read as a config, and where values stand in those that can."""

import os

import pytest

from framework.config import load_config
from framework.config.parse.document import read_document
from framework.errors import ConfigError


def explain(path):
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    head, *problems = str(caught.value).splitlines()
    assert head == f"{path}: {len(problems)} problem"
    return "\n".join(line.removeprefix("  ") for line in problems)


def test_no_such_file_suggests_a_near_one(tmp_path):
    (tmp_path / "vgg16.json").write_text("{}")
    said = explain(tmp_path / "vgg61.json")
    assert said == f"no such file. Did you mean '{tmp_path / 'vgg16.json'}'?"


def test_no_such_folder(tmp_path):
    folder = tmp_path / "nowhere"
    assert explain(folder / "a.json") == f"no such file. There is no folder '{folder}' either"


def test_a_directory(tmp_path):
    assert explain(tmp_path) == "this is a directory. Expected a config file"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.json", b"", "the file is empty. Expected a config"),
        ("a.yaml", b"\n \n", "the file is empty. Expected a config"),
        ("a.yaml", b"# nothing\n", "1:1  expected an object with sections. Found nothing"),
        ("a.json", b"[1]", "1:1  expected an object with sections. Found a list"),
        ("a.json", b'"x"', "1:1  expected an object with sections. Found a text"),
        ("a.json", b'{"a": "\xff"}', "expected UTF-8 text. Found the byte 0xff at offset 7"),
        ("a.toml", b"a = 1", "expected a file that ends in .json, .yaml or .yml"),
        ("a.json", b"[" * 100_000, "nested more than 60 levels deep"),
        ("a.yaml", b"[" * 5_000, "nested more than 60 levels deep"),
        ("a.json", b'{"a":' * 70 + b"1" + b"}" * 70, "nested more than 60 levels deep"),
        ("a.json", b'{"a": ' + b"1" * 5000 + b"}", "a number has too many digits"),
        ("a.json", b" " * 5_000_001, "the file is larger than 5 MB. Expected a config"),
    ],
)
def test_what_is_no_config(tmp_path, name, content, said):
    path = tmp_path / name
    path.write_bytes(content)
    assert explain(path) == said


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    path.write_text("{}")

    def refuse(*_):
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr("pathlib.Path.read_bytes", refuse)
    assert explain(path) == "the file can't be read: Permission denied"


def locate(document, *path, at_key=False):
    problem = document.source_map.make_problem(path, "Oh.", at_key)
    return problem.line, problem.column


def test_locations_in_json_count_lines_and_columns_from_one(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(b'\xef\xbb\xbf{\r\n "a": [1,\r\n  {"b": "\\u00e9"}]}')
    document = read_document(path)
    assert document.values == {"a": [1, {"b": "é"}]}
    assert locate(document, "a", at_key=True) == (2, 2)
    assert locate(document, "a") == (2, 7)
    assert locate(document, "a", 1, "b") == (3, 9)


def test_locations_in_yaml_count_lines_and_columns_from_one(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("# a comment\na:\n  - 1\n  - b: c\n")
    document = read_document(path)
    assert locate(document, "a", at_key=True) == (2, 1)
    assert locate(document, "a", 0) == (3, 5)
    assert locate(document, "a", 1, "b") == (4, 8)
