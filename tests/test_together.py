"""Several runs at once, in one results folder and on one feature store."""

import os
import subprocess
import sys

from program import PATIENCE, ROOT, read_json
from small_runs import CONFIG

from framework.files import fingerprint_file

RUNS = 4


def test_four_runs_at_once_finish_and_compute_features_once(tmp_path):
    (tmp_path / "four.yaml").write_text(CONFIG)
    processes = [
        subprocess.Popen(
            [sys.executable, str(ROOT / "run.py"), "--config", "four.yaml"],
            cwd=tmp_path,
            env={**os.environ, "TRANSFER_FRAMEWORK_CACHE": str(tmp_path / "cache")},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(RUNS)
    ]
    for process in processes:
        output, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, output

    runs = sorted((tmp_path / "results" / "four").iterdir())
    assert len(runs) == RUNS
    stored = [
        line.partition("Stored the features of ")[2]
        for run in runs
        for line in (run / "run.log").read_text().splitlines()
        if "Stored the features of " in line
    ]
    # Two views to train on, one each to validate and to test on; in both phases.
    assert len(stored) == 8
    environments = [read_json(run / "environment.json") for run in runs]
    for run, environment in zip(runs, environments, strict=True):
        assert environment["model"]["sha256"] == fingerprint_file(run / "model.keras")
    metrics = [read_json(run / "metrics.json") for run in runs]
    assert len({one["test"]["loss"] for one in metrics}) == 1
