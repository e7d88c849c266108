"""Programs compiled by XLA: kept, verified, bounded, and never a reason to fail."""

import hashlib
import os
import subprocess
import sys

import pytest

from framework.utils import compilation_cache
from framework.utils.cache_directory import DIRECTORY_VARIABLE
from framework.utils.compilation_cache import FLAGS, use_compilation_cache
from tests.helpers.program import ROOT

# Trains a head for two steps, and tells the bits of its weights.
PROGRAM = """
import hashlib, json, sys
from framework.utils.compilation_cache import use_compilation_cache
from framework.utils.native_logs import start_tensorflow
with use_compilation_cache():
    start_tensorflow()
import keras, numpy as np
from framework.features.head import Head
from framework.training.block_loop import BlockProgram
keras.utils.set_random_seed(0)
vector = keras.Input((6,))
head = Head(vector, keras.layers.Dense(3, activation="softmax")(vector))
head.compile("adam", "sparse_categorical_crossentropy", jit_compile=True)
program = BlockProgram(head, 8)
random = np.random.default_rng(0)
program.train((random.random((16, 6), np.float32), random.integers(0, 3, 16)))
print(hashlib.sha256(b"".join(w.tobytes() for w in head.get_weights())).hexdigest())
"""


def train(directory, **environment):
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        env={**os.environ, DIRECTORY_VARIABLE: str(directory), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return result.stdout.split()[-1]


def list_programs(directory):
    return sorted(directory.glob("compiled/*/*.pb.*"))


def test_programs_are_kept_and_damaged_ones_are_compiled_again(tmp_path):
    bits = train(tmp_path)
    kept = list_programs(tmp_path)
    assert kept
    contents = [path.read_bytes() for path in kept]
    for path, content in zip(kept, contents, strict=True):
        assert path.name.endswith(hashlib.sha256(content).hexdigest())
        # TensorFlow alone would run what is left of it, and learn something else.
        path.write_bytes(content[: len(content) // 3])
    assert train(tmp_path) == bits
    assert [path.stat().st_size for path in list_programs(tmp_path)] == [*map(len, contents)]
    times = [path.stat().st_mtime_ns for path in list_programs(tmp_path)]
    assert train(tmp_path) == bits
    assert [path.stat().st_mtime_ns for path in list_programs(tmp_path)] == times
    assert not list(tmp_path.glob("compiled/*/session-*"))


def test_a_cache_that_cannot_be_written_is_none(tmp_path):
    (tmp_path / "file").write_text("")
    assert train(tmp_path / "file") == train(tmp_path / "other")


@pytest.fixture
def session(tmp_path, monkeypatch):
    """Starts a cache in this process, and returns its directories."""
    registered = []
    monkeypatch.setattr(compilation_cache.atexit, "register", lambda *call: registered.append(call))
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(tmp_path))
    monkeypatch.delenv(FLAGS, raising=False)
    with use_compilation_cache():
        assert FLAGS in os.environ
    assert FLAGS not in os.environ  # It would be recorded as a setting of the run.
    ((end, given, store),) = registered
    return lambda: end(given, store), given, store


def test_what_was_cut_off_is_not_kept(session):
    end, given, store = session
    message = b"\x0a\x03abc"  # Field 1, three bytes.
    (given / "whole.pb").write_bytes(message)
    (given / "cut.pb").write_bytes(message[:-1])
    end()
    assert [path.name.partition(".pb")[0] for path in store.iterdir()] == ["whole"]


def test_the_oldest_programs_go_first(session, monkeypatch):
    end, given, store = session
    monkeypatch.setattr(compilation_cache, "LIMIT_BYTES", 12)
    for number in range(3):
        content = b"\x0a\x03" + bytes(3)
        digest = hashlib.sha256(content).hexdigest()
        path = store / f"{number}.pb.{digest}"
        path.write_bytes(content)
        os.utime(path, (number, number))
    (given / "new.pb").write_bytes(b"\x0a\x03abc")
    end()
    assert {path.name.partition(".pb")[0] for path in store.iterdir()} == {"2", "new"}


def test_leftovers_of_killed_processes_are_removed(session):
    _, given, store = session
    os.utime(given, (0, 0))
    with use_compilation_cache():
        pass
    assert not given.exists()
    assert len(list(store.glob("session-*"))) == 1


def test_another_processor_has_a_directory_of_its_own(session, monkeypatch):
    _, _, store = session
    monkeypatch.setattr(compilation_cache, "read_processor", lambda: ("other", "sse4_1"))
    assert compilation_cache._describe_compiler() != store.name


def test_the_user_s_own_cache_is_left_alone(tmp_path, monkeypatch):
    own = "--tf_xla_persistent_cache_directory=/elsewhere"
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(tmp_path))
    monkeypatch.setenv(FLAGS, own)
    with use_compilation_cache():
        assert os.environ[FLAGS] == own
    assert not list(tmp_path.iterdir())
