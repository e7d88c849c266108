"""An extraction that is really killed, at whatever it is doing then."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.program import ROOT
from tests.helpers.tiny_features import VIEWS, extract, make_images

IMAGES = VIEWS * len(make_images())


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The names, and so the checksums, of all chunks of an extraction that nobody disturbs."""
    directory = tmp_path_factory.mktemp("whole")
    extract(str(directory))
    return find_chunks(directory)


def find_chunks(directory: Path) -> set[str]:
    return {str(path.relative_to(directory)) for path in directory.glob("*/*.npy")}


def test_the_next_run_uses_what_is_whole_and_computes_the_same_bits(whole, tmp_path, computed):
    paths = [str(ROOT), os.environ["PYTHONPATH"]]
    with subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"from tests.helpers.tiny_features import extract; extract({str(tmp_path)!r}, 45)",
        ],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        for line in process.stdout:
            if line == "stored 30\n":  # Of the first view.
                process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    stored = find_chunks(tmp_path)
    assert stored < whole

    extract(str(tmp_path))

    assert find_chunks(tmp_path) == whole
    # Each chunk is two files, of which the kill may have come between.
    assert IMAGES - sum(computed) == len(stored) // 2 >= 31
    assert not list(tmp_path.glob("*/.*"))
