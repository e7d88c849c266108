"""The same config gives the same bits, also if the run is interrupted and resumed."""

import os
import signal
import subprocess
import sys
import time

from framework.evaluation.comparison.compare_runs import compare_runs
from tests.helpers.program import ROOT, read_json
from tests.helpers.small_runs import CONFIG, Runner, assert_same_run


def test_neither_hashes_nor_an_interruption_nor_other_threads_since_change_a_bit(forker, tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG)
    # Forked processes have the hashes of what they are forked from, a new one those of its own.
    whole = Runner(forker, config, tmp_path / "whole", TF_NUM_INTRAOP_THREADS="3")
    whole.finish()
    run = tmp_path / "run"
    begun = Runner(forker, config, run, TF_NUM_INTRAOP_THREADS="3", PYTHONHASHSEED="2")
    with subprocess.Popen(
        [sys.executable, ROOT / "run.py", *begun.command],
        env={**os.environ, **begun.environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        while process.poll() is None and not (run / "history.csv").exists():
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)

    Runner(forker, config, run, TF_NUM_INTRAOP_THREADS="1").finish()

    assert_same_run(whole.directory, run)
    environment = read_json(run / "environment.json")
    assert environment["threads"] == 3
    assert environment["notes"] == read_json(whole.directory / "environment.json")["notes"]
    assert "run, whole: the same config and data, and the same results to the last bit" in (
        compare_runs([tmp_path]).replace("whole, run", "run, whole")
    )
