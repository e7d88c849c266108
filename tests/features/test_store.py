"""The feature store: what makes room for what, locks, and where it is."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from framework.config.model import FeatureCache
from framework.features.store import compute_key, find_directory
from framework.utils.cache_directory import DIRECTORY_VARIABLE
from tests.helpers.stored_features import fill, find_keys


@contextmanager
def run_in_process(code: str, *arguments: object) -> Iterator[subprocess.Popen]:
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


READ_IN_PROCESS = """
import sys
from pathlib import Path
from framework.features.store import FeatureStore
feature_store = FeatureStore(Path(sys.argv[1]), 1.0)
feature_store.pin(sys.argv[2])
"""

LOCK_IN_PROCESS = """
import sys
from pathlib import Path
from framework.features.store import FeatureStore
lock = FeatureStore(Path(sys.argv[1]), 1.0).lock(sys.argv[2])
lock.__enter__()
"""


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
        with run_in_process(READ_IN_PROCESS, feature_store.directory, read.key):
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

    with run_in_process(LOCK_IN_PROCESS, feature_store.directory, "key") as process:
        killer = threading.Thread(target=kill_when_waited_for, args=(process,), daemon=True)
        killer.start()
        with feature_store.lock("key"):
            assert "waiting for it" in caplog.text
        killer.join()


class TestDirectory:
    def test_the_config_goes_first(self, monkeypatch, tmp_path):
        monkeypatch.setenv(DIRECTORY_VARIABLE, "/elsewhere")
        assert find_directory(FeatureCache(directory=str(tmp_path))) == tmp_path

    def test_then_the_environment(self, monkeypatch, tmp_path):
        monkeypatch.setenv(DIRECTORY_VARIABLE, str(tmp_path))
        assert find_directory(FeatureCache()) == tmp_path / "features"

    def test_then_the_user_s_cache(self, monkeypatch, tmp_path):
        monkeypatch.delenv(DIRECTORY_VARIABLE, raising=False)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        assert find_directory(FeatureCache()).parts[-2:] == ("transfer-framework", "features")


def test_keys_depend_on_content_alone():
    assert compute_key({"a": 1, "b": [2]}) == compute_key({"b": [2], "a": 1})
    assert compute_key({"a": 1}) != compute_key({"a": 2})
