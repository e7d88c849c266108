"""A sweep whose trials run on a Ray cluster, against the same sweep in one process."""

import io
import os
import subprocess
import sys
import tarfile

import pytest
from program import ROOT, read_rows
from small_runs import assert_same_run
from small_sweeps import RATE, write_sweep

from framework.cli import main
from framework.sweeps.cluster import Reports, unpack_run


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_trials_on_a_cluster_are_those_of_one_process(tmp_path):
    section = {"sampler": "grid", "reports": 0, "keys": {RATE: {"choice": [1e-3, 1e38, 1e-2]}}}
    path = write_sweep(tmp_path, section)
    alone, spread = tmp_path / "alone", tmp_path / "spread"
    assert main(["sweep", "--config", str(path), "--output", str(alone)]) == 0

    result = subprocess.run(
        [sys.executable, str(ROOT / "run.py"), "sweep", "--config", str(path), "--ray", "local"]
        + ["--output", str(spread)],
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=300,
    )

    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("Ray: ")
    rows = [
        [(row["rank"], row["trial"], row["state"], row["val_accuracy"]) for row in rows]
        for rows in (read_rows(alone / "ranking.csv"), read_rows(spread / "ranking.csv"))
    ]
    assert rows[0] == rows[1]
    assert [row[2] for row in rows[0]] == ["complete", "complete", "failed"]
    for trial in ("0000", "0002"):
        assert_same_run(alone / "trials" / trial, spread / "trials" / trial)
        assert "INFO" in (spread / "trials" / trial / "run.log").read_text()


def test_a_trial_learns_with_its_next_report_that_it_is_hopeless():
    reports = Reports()
    assert not reports.report(3, 1, 0.1)
    assert reports.take() == [(3, 1, 0.1)]
    reports.condemn(3)
    assert not reports.report(4, 1, 0.2)
    assert reports.report(3, 2, 0.1)
    assert reports.take() == [(4, 1, 0.2), (3, 2, 0.1)]


def test_a_run_directory_takes_the_place_of_what_was_there(tmp_path):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        (tmp_path / "run.log").write_text("new")
        tar.add(tmp_path / "run.log", arcname="./run.log")
    directory = tmp_path / "trials" / "0000"
    directory.mkdir(parents=True)
    (directory / "left over").touch()

    unpack_run(stream.getvalue(), directory)

    assert [path.name for path in directory.iterdir()] == ["run.log"]
    assert [path.name for path in directory.parent.iterdir()] == ["0000"]
