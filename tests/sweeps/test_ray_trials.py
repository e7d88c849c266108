"""A sweep whose trials run on a Ray cluster, against the same sweep in one process."""

import os
import signal
import time
from contextlib import closing

import pytest

from framework.cli.main import main
from framework.distributed.connection import open_cluster
from framework.sweeps import ray_trials
from framework.sweeps.definition.sweep import load_sweep
from framework.sweeps.ray_trials import ReportActor, pack_run, run_trials_on, unpack_run
from framework.sweeps.study import Study
from framework.sweeps.trial_result import TrialResult
from tests.helpers.program import TIMEOUT_SECONDS, read_rows
from tests.helpers.small_runs import assert_same_run
from tests.helpers.small_sweeps import RATE, write_sweep


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_trials_on_a_cluster_are_those_of_one_process(ray_nodes, forker, tmp_path):
    section = {"sampler": "grid", "reports": 0, "keys": {RATE: {"choice": [1e-3, 1e38, 1e-2]}}}
    path = write_sweep(tmp_path, section)
    alone, over_cluster = tmp_path / "alone", tmp_path / "over_cluster"
    assert main(["sweep", "--config", str(path), "--output", str(alone)]) == 0

    swept = forker.start(
        "sweep", "--config", path, "--ray", ray_nodes.address, "--output", over_cluster
    )

    assert swept.wait(TIMEOUT_SECONDS) == 0, swept.output
    assert swept.stdout.startswith("Ray: ")
    rows = [
        [(row["rank"], row["trial"], row["state"], row["val_accuracy"]) for row in rows]
        for rows in (read_rows(alone / "ranking.csv"), read_rows(over_cluster / "ranking.csv"))
    ]
    assert rows[0] == rows[1]
    assert [row[2] for row in rows[0]] == ["complete", "complete", "failed"]
    for trial in ("0000", "0002"):
        assert_same_run(alone / "trials" / trial, over_cluster / "trials" / trial)
        assert "INFO" in (over_cluster / "trials" / trial / "run.log").read_text()


@pytest.fixture
def sweep(tmp_path):
    section = {"trials": 3, "seed": 2, "keys": {RATE: {"log_range": [1e-3, 0.1]}}}
    return load_sweep(write_sweep(tmp_path, section))


@pytest.fixture
def study(sweep, tmp_path):
    with closing(Study(sweep, tmp_path)) as study:
        yield study


def test_a_trial_whose_workers_are_lost_fails_and_the_sweep_goes_on(
    ray_nodes, sweep, study, tmp_path, monkeypatch, caplog
):
    import ray

    def crash_or_end(values, trial_index, metric, reports, working_directory):
        with (tmp_path / f"attempts {trial_index}").open("a") as file:
            file.write("x")
        attempts = (tmp_path / f"attempts {trial_index}").read_text()
        if trial_index == 0 or (trial_index == 1 and attempts == "x"):
            os.kill(os.getpid(), signal.SIGKILL)
        assert not ray.get(reports.report.remote(trial_index, 1, 0.5))
        return TrialResult("complete", 0.5), {"run.log": b"a log"}

    monkeypatch.setattr(ray_trials, "run_trial_remotely", crash_or_end)
    with open_cluster(ray_nodes.address) as cluster:
        run_trials_on(cluster, study, sweep)
    assert cluster.lost == 4
    assert [(tmp_path / f"attempts {index}").read_text() for index in range(3)] == [
        "xxx",
        "xx",
        "x",
    ]
    trials = study.list_trials()
    assert [trial.state.name for trial in trials.values()] == ["FAIL", "COMPLETE", "COMPLETE"]
    assert trials[0].user_attrs["message"] == "Lost 3 workers of the Ray cluster."
    assert trials[2].intermediate_values == {1: 0.5}
    assert (tmp_path / "trials" / "0001" / "run.log").read_text() == "a log"
    assert "! Lost 1 worker of the Ray cluster: " in caplog.text


def test_an_interrupted_sweep_leaves_its_trials_to_the_next(
    ray_nodes, sweep, study, tmp_path, monkeypatch
):
    def sleep(values, trial_index, metric, reports, working_directory):
        (tmp_path / "started").touch()
        time.sleep(600)

    poll = ray_trials._RayTrials.poll

    def interrupt(self):
        poll(self)
        if (tmp_path / "started").exists():
            raise KeyboardInterrupt

    monkeypatch.setattr(ray_trials, "run_trial_remotely", sleep)
    monkeypatch.setattr(ray_trials._RayTrials, "poll", interrupt)
    with open_cluster(ray_nodes.address) as cluster, pytest.raises(KeyboardInterrupt):
        run_trials_on(cluster, study, sweep)
    assert study.count_running() == 1
    assert study.claim().trial_index == 0


def test_a_trial_learns_with_its_next_report_that_it_is_pruned():
    reports = ReportActor()
    assert not reports.report(3, 1, 0.1)
    assert reports.take() == [(3, 1, 0.1)]
    reports.prune(3)
    assert not reports.report(4, 1, 0.2)
    assert reports.report(3, 2, 0.1)
    assert reports.take() == [(4, 1, 0.2), (3, 2, 0.1)]


def test_a_run_directory_takes_the_place_of_what_was_there(tmp_path):
    (tmp_path / "node" / "logs").mkdir(parents=True)
    (tmp_path / "node" / "run.log").write_text("new")
    (tmp_path / "node" / "logs" / "deep").write_bytes(bytes(range(256)))
    directory = tmp_path / "trials" / "0000"
    directory.mkdir(parents=True)
    (directory / "left over").touch()

    unpack_run(pack_run(tmp_path / "node"), directory)

    assert pack_run(directory) == {"run.log": b"new", "logs/deep": bytes(range(256))}
    assert [path.name for path in directory.parent.iterdir()] == ["0000"]


def test_a_trial_without_a_run_directory_has_nothing_to_pack(tmp_path):
    assert pack_run(tmp_path / "none") == {}
