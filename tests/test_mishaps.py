"""Runs that are killed, or meet a full disk, at random moments end with the bits of any other.

2 kills and 1 full disk by default; KILLS=50 and FULL_DISKS=20 make them fifty and twenty.
"""

import os
import random

import pytest
from program import PATIENCE
from small_runs import CONFIG, Runner, assert_same_run

KILLS = int(os.environ.get("KILLS", "2"))
KILLS_A_RUN = 3
FULL_DISKS = int(os.environ.get("FULL_DISKS", "1"))

# No file may grow past the limit, which is told to a program as a full disk is.
LIMITED = """
import resource, runpy, sys
limit = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
sys.argv = sys.argv[2:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nothing has befallen."""
    path = tmp_path_factory.mktemp("mishaps") / "config.yaml"
    path.write_text(CONFIG)
    runner = Runner(path, path.with_name("whole"))
    runner.finish()
    return runner


@pytest.mark.timeout(4 * 3600)
def test_killed_runs_end_with_the_same_bits(whole, tmp_path):
    moments = random.Random(0)
    kills = runs = 0
    while kills < KILLS:
        runs += 1
        runner = Runner(whole.config, tmp_path / f"run-{runs}")
        for _ in range(min(KILLS_A_RUN, KILLS - kills)):
            kills += runner.kill_after(moments.uniform(0, whole.seconds))
        runner.finish()
        assert_same_run(whole.directory, runner.directory)
        assert sorted(os.listdir(runner.directory)) == sorted(os.listdir(whole.directory))


@pytest.mark.timeout(4 * 3600)
def test_a_disk_that_is_full_at_any_point_loses_nothing(whole, tmp_path):
    limited = tmp_path / "limited.py"
    limited.write_text(LIMITED)
    sizes = random.Random(0)
    for point in range(FULL_DISKS):
        directory = tmp_path / f"run-{point}"
        limit = int(10 ** sizes.uniform(2, 6))
        process = Runner(whole.config, directory, (limited, str(limit))).start()
        output, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == 1, (limit, output)
        assert "Traceback" not in output, (limit, output)
        assert not (directory / "metrics.json").exists(), limit
        Runner(whole.config, directory).finish()
        assert_same_run(whole.directory, directory)
