from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from framework.config.model import FeatureCache
from framework.errors import RunError
from framework.features import store, store_entry, store_maintenance
from framework.features.store import FeatureStore, compute_key, find_directory
from framework.features.store_entry import FeatureSpec, StoreEntry, choose_chunk_images

SPECS = (FeatureSpec((3,), "float32"), FeatureSpec((2, 2), "float16"))


@pytest.fixture
def feature_store(tmp_path) -> FeatureStore:
    return FeatureStore(tmp_path / "store", limit_gb=1.0)


def make_arrays(positions: np.ndarray) -> list[np.ndarray]:
    """Features that are the images' positions all over."""
    return [
        np.stack([np.full(spec.shape, position, spec.dtype) for position in positions])
        for spec in SPECS
    ]


def fill(feature_store: FeatureStore, name: str, images: int = 25, used: int = 0) -> StoreEntry:
    """Stores an entry whose features are the images' positions, last used at `used`."""
    description = {"layers": ["pool"], "images": images, "pixels": {"view": 0}}
    place = feature_store.directory / compute_key({"name": name})
    made = StoreEntry(place, description, images, chunk_images=10, specs=SPECS)
    made.create()
    for chunk in made.verify():
        made.write_chunk(chunk, make_arrays(made.chunk_positions(chunk)))
    os.utime(place / store_entry.DESCRIPTION, (used, used))
    return made


def find_keys(feature_store: FeatureStore) -> list[str]:
    return [stored.key for stored in feature_store.list_entries()]


@contextmanager
def run_elsewhere(code: str, *arguments: object) -> Iterator[subprocess.Popen]:
    """Runs code in another process, which says `ready`, and is killed at the end if not before."""
    wait = "\nprint('ready', flush=True)\nimport sys; sys.stdin.read()"
    command = [sys.executable, "-c", code + wait, *map(str, arguments)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=root
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        try:
            yield process
        finally:
            process.kill()


READ_ELSEWHERE = """
import sys
from pathlib import Path
from framework.features.store import FeatureStore
feature_store = FeatureStore(Path(sys.argv[1]), 1.0)
feature_store.pin(sys.argv[2])
"""

LOCK_ELSEWHERE = """
import sys
from pathlib import Path
from framework.features.store import FeatureStore
lock = FeatureStore(Path(sys.argv[1]), 1.0).lock(sys.argv[2])
lock.__enter__()
"""


class TestEntry:
    def test_reads_what_was_written_in_any_order(self, feature_store):
        positions = np.array([24, 3, 3, 10, 9, 0])
        for found, expected in zip(
            fill(feature_store, "a").read(positions), make_arrays(positions), strict=True
        ):
            assert found.dtype == expected.dtype
            np.testing.assert_array_equal(found, expected)

    def test_no_positions_give_no_rows(self, feature_store):
        shapes = [array.shape for array in fill(feature_store, "a").read(np.arange(0))]
        assert shapes == [(0, 3), (0, 2, 2)]

    def test_a_vanished_file_is_one_clear_error(self, feature_store):
        made = fill(feature_store, "a")
        for path in made.directory.glob("*.npy"):
            path.unlink()
        with pytest.raises(RunError, match="Start the run again"):
            made.read(np.array([0]))

    def test_a_full_disk_keeps_what_is_written(self, feature_store, monkeypatch):
        made = fill(feature_store, "a", images=10)

        def fail(self, data):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(Path, "write_bytes", fail)
        with pytest.raises(RunError, match=r"No space left on device.*Make room"):
            made.write_chunk(1, make_arrays(np.arange(10)))
        assert not list(made.directory.glob(".*"))
        np.testing.assert_array_equal(made.read(np.array([7]))[0], make_arrays(np.array([7]))[0])
        gc.collect()  # Python 3.13 complains of a buffer that an error still holds a view of.

    def test_every_flipped_byte_is_found(self, feature_store):
        made = fill(feature_store, "a", images=2)
        path, _ = sorted(made.directory.glob("*.npy"))
        content = path.read_bytes()
        for place in range(0, len(content), 7):
            damaged = bytearray(content)
            damaged[place] ^= 0x10
            path.write_bytes(damaged)
            assert made.verify() == [0]
            path.write_bytes(content)
        assert made.verify() == []

    @pytest.mark.parametrize(
        ("bytes_per_image", "batch_size", "expected"),
        [(2048, 256, 2048), (400_000, 16, 32), (10**8, 8, 8), (2048, 100, 2000)],
    )
    def test_chunks_are_whole_batches_of_bounded_size(self, bytes_per_image, batch_size, expected):
        assert choose_chunk_images(bytes_per_image, batch_size) == expected


class TestMakeRoom:
    def test_least_recently_used_goes_first_and_is_named(self, feature_store, caplog):
        caplog.set_level("INFO")
        old, new = fill(feature_store, "old", used=1), fill(feature_store, "new", used=2)
        feature_store.limit = feature_store.list_entries()[0].bytes * 2 + 100
        assert feature_store.make_room({"wanted": 200}, missing=200)
        assert find_keys(feature_store) == [new.key]
        assert old.key[:12] in caplog.text

    def test_nothing_goes_while_there_is_room(self, feature_store):
        fill(feature_store, "old")
        assert feature_store.make_room({"wanted": 200}, missing=200)
        assert len(find_keys(feature_store)) == 1

    def test_what_can_never_fit_removes_nothing(self, feature_store):
        fill(feature_store, "old")
        assert not feature_store.make_room({"wanted": 10**10}, missing=10**10)
        assert len(find_keys(feature_store)) == 1

    def test_the_run_s_own_entries_stay(self, feature_store):
        own, other = fill(feature_store, "own", used=1), fill(feature_store, "other", used=2)
        feature_store.limit = 1000
        assert feature_store.make_room({own.key: 900}, missing=0)
        assert find_keys(feature_store) == [own.key]
        assert other.key not in find_keys(feature_store)

    def test_what_another_process_reads_stays_until_it_is_killed(self, feature_store):
        read = fill(feature_store, "read")
        feature_store.limit = 1000
        with run_elsewhere(READ_ELSEWHERE, feature_store.directory, read.key):
            assert not feature_store.make_room({"wanted": 900}, missing=900)
            assert find_keys(feature_store) == [read.key]
        assert feature_store.make_room({"wanted": 900}, missing=900)
        assert find_keys(feature_store) == []


def test_a_lock_waits_for_its_holder_and_says_so(feature_store, caplog):
    caplog.set_level("INFO")

    def kill_when_waited_for(process):
        while "waiting for it" not in caplog.text:
            time.sleep(0.01)
        process.kill()

    with run_elsewhere(LOCK_ELSEWHERE, feature_store.directory, "key") as process:
        killer = threading.Thread(target=kill_when_waited_for, args=(process,), daemon=True)
        killer.start()
        with feature_store.lock("key"):
            assert "waiting for it" in caplog.text
        killer.join()


class TestDirectory:
    def test_the_config_goes_first(self, monkeypatch, tmp_path):
        monkeypatch.setenv(store.DIRECTORY_VARIABLE, "/elsewhere")
        assert find_directory(FeatureCache(directory=str(tmp_path))) == tmp_path

    def test_then_the_environment(self, monkeypatch, tmp_path):
        monkeypatch.setenv(store.DIRECTORY_VARIABLE, str(tmp_path))
        assert find_directory(FeatureCache()) == tmp_path / "features"

    def test_then_the_user_s_cache(self, monkeypatch, tmp_path):
        monkeypatch.delenv(store.DIRECTORY_VARIABLE, raising=False)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        assert find_directory(FeatureCache()).parts[-2:] == ("transfer-framework", "features")


class TestCacheCommand:
    def test_list_shows_the_entries(self, feature_store):
        assert "0 entries, 0.00B" in store_maintenance.list_cache(feature_store)
        made = fill(feature_store, "a")
        text = store_maintenance.list_cache(feature_store)
        assert "1 entry" in text
        assert made.key[:12] in text
        assert text.splitlines()[-1].split()[-3:] == ["25", "0", "pool"]

    def test_list_bears_a_damaged_description(self, feature_store):
        made = fill(feature_store, "a")
        (made.directory / store_entry.DESCRIPTION).write_text("{")
        assert made.key[:12] in store_maintenance.list_cache(feature_store)

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (None, store_maintenance.DAMAGED),
            (b"", store_maintenance.DAMAGED),
            (b"\xff{", store_maintenance.DAMAGED),
            (b"[1, 2]", store_maintenance.DAMAGED),
            (b'{"model": "VGG16", "count": 25}', store_maintenance.OUTDATED),
            (b'{"images": 25, "pixels": [], "layers": null}', store_maintenance.OUTDATED),
        ],
    )
    def test_entries_that_can_not_be_understood_are_told_and_cleared(
        self, feature_store, content, said
    ):
        made, sound = fill(feature_store, "a"), fill(feature_store, "b")
        path = made.directory / store_entry.DESCRIPTION
        path.unlink() if content is None else path.write_bytes(content)

        (line,) = [
            line
            for line in store_maintenance.list_cache(feature_store).splitlines()
            if line.startswith(f"  {made.key[:12]}")
        ]
        assert line.endswith(said)
        text, _ = store_maintenance.verify_cache(feature_store)
        assert "2 entries" in text
        assert (made.key[:12] in text) == (content is not None)
        assert store_maintenance.verify_cache(feature_store)[1]
        made.create()
        assert made.verify() == []
        assert "removed 2 entries" in store_maintenance.clear_cache(feature_store)
        assert not made.directory.exists()
        assert not sound.directory.exists()

    def test_what_others_put_there_is_named_and_left_alone(self, feature_store):
        made = fill(feature_store, "a")
        stranger = feature_store.directory / "holiday pictures"
        stranger.mkdir()
        (stranger / store_entry.DESCRIPTION).write_text("{}")
        (feature_store.directory / made.key[:-1]).write_text("a file")

        for text in (
            store_maintenance.list_cache(feature_store),
            store_maintenance.verify_cache(feature_store)[0],
            store_maintenance.clear_cache(feature_store),
        ):
            assert "  holiday pictures  is no entry, and left alone" in text
            assert f"  {made.key[:-1]}  is no entry" in text
        assert stranger.exists()
        assert not made.directory.exists()

    def test_verify_finds_damage_once(self, feature_store):
        made = fill(feature_store, "a")
        assert store_maintenance.verify_cache(feature_store) == (
            f"{feature_store.directory}: 1 entry, all sound.",
            True,
        )
        path = next(made.directory.glob("*.npy"))
        path.write_bytes(path.read_bytes()[:-1])
        text, sound = store_maintenance.verify_cache(feature_store)
        assert not sound
        assert f"{made.key}/{path.name}" in text
        assert store_maintenance.verify_cache(feature_store)[1]
        assert len(made.find_missing()) == 1

    def test_clear_keeps_what_a_run_uses(self, feature_store):
        used, _ = fill(feature_store, "used"), fill(feature_store, "free")
        reader = FeatureStore(feature_store.directory, 1.0)
        reader.pin(used.key)
        assert "removed 1 entry" in store_maintenance.clear_cache(feature_store)
        assert find_keys(feature_store) == [used.key]


def test_keys_depend_on_content_alone():
    assert compute_key({"a": 1, "b": [2]}) == compute_key({"b": [2], "a": 1})
    assert compute_key({"a": 1}) != compute_key({"a": 2})
