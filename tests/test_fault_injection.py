"""Runs that are killed, or meet a full disk, at random moments end with the bits of any other.

2 kills and 1 full disk by default; KILLS=50 and FULL_DISKS=20 make them fifty and twenty.
"""

import os
import random
import subprocess
import sys

import pytest

from tests.helpers.program import ROOT, TIMEOUT_SECONDS
from tests.helpers.small_runs import Runner, assert_same_run

pytestmark = pytest.mark.long

KILLS = int(os.environ.get("KILLS", "2"))
KILLS_A_RUN = 3
FULL_DISKS = int(os.environ.get("FULL_DISKS", "1"))

# No file may grow past the limit, which programs see as a full disk.
LIMITED = """
import resource, runpy, sys
limit = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
sys.argv = sys.argv[2:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.timeout(4 * 3600)
def test_killed_runs_end_with_the_same_bits(forker, small_run, tmp_path):
    moments = random.Random(0)
    kills = runs = 0
    while kills < KILLS:
        runs += 1
        runner = Runner(forker, small_run.config, tmp_path / f"run-{runs}")
        for _ in range(min(KILLS_A_RUN, KILLS - kills)):
            kills += runner.kill_after(moments.uniform(0, small_run.seconds))
        runner.finish()
        assert_same_run(small_run.directory, runner.directory)
        assert sorted(os.listdir(runner.directory)) == sorted(os.listdir(small_run.directory))


@pytest.mark.timeout(4 * 3600)
def test_a_disk_that_is_full_at_any_point_loses_nothing(forker, small_run, tmp_path):
    limited = tmp_path / "limited.py"
    limited.write_text(LIMITED)
    sizes = random.Random(0)
    for point in range(FULL_DISKS):
        directory = tmp_path / f"run-{point}"
        limit = int(10 ** sizes.uniform(2, 6))
        runner = Runner(forker, small_run.config, directory)
        process = subprocess.run(
            [sys.executable, limited, str(limit), ROOT / "run.py", *runner.command],
            env={**os.environ, **runner.environment},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
        )
        assert process.returncode == 1, (limit, process.stderr)
        assert "Traceback" not in process.stdout + process.stderr, limit
        assert not (directory / "metrics.json").exists(), limit
        runner.finish()
        assert_same_run(small_run.directory, directory)
