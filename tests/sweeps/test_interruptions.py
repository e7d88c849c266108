"""Sweeps that are killed, stopped and shared."""

import os
import re
import signal
import time

import optuna
import pytest
from program import read_json, read_rows
from small_sweeps import RATE, write_sweep

TRIALS = 3
SECTIONS = {
    "grid": {"sampler": "grid", "keys": {RATE: {"choice": [0.1, 0.03, 0.01]}}},
    "random": {"trials": TRIALS, "seed": 5, "keys": {RATE: {"log_range": [1e-3, 0.1]}}},
}


@pytest.fixture
def start(processes, tmp_path):
    """Starts a process that sweeps; what it says goes to `log.txt`."""
    started = []

    def start_process(*arguments):
        from sweeping import sweep

        process = processes.Process(target=sweep, args=(tmp_path / "log.txt", *arguments))
        process.start()
        started.append(process)
        return process

    yield start_process
    for process in started:
        process.kill()
        process.join()


def count_epochs(directory, trial):
    history = directory / "trials" / f"{trial:04d}" / "history.csv"
    return len(read_rows(history)) if history.exists() else 0


def kill_at(start, directory, trial, epochs, arguments):
    """Starts the sweep, and kills it when a trial has had some epochs."""
    process = start(*arguments)
    while process.is_alive() and count_epochs(directory, trial) < epochs:
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert process.exitcode == -signal.SIGKILL, "it ended before it could be killed"


def describe_trials(directory):
    """What a sweep has tried and found, in the order of the trials."""
    rows = sorted(read_rows(directory / "ranking.csv"), key=lambda row: int(row["trial"]))
    kept = ("trial", "state", "val_accuracy", RATE)
    return [{key: row[key] for key in kept} for row in rows]


@pytest.mark.parametrize("sampler", SECTIONS)
def test_a_sweep_killed_three_times_ends_with_the_same_trials(sampler, start, tmp_path):
    config = write_sweep(tmp_path, {**SECTIONS[sampler], "reports": 0})
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    undisturbed = start("--config", config, "--output", whole)
    again = ("--config", config, "--output", killed)
    kill_at(start, killed, 0, 1, again)
    kill_at(start, killed, 1, 2, again)
    kill_at(start, killed, 2, 1, again)
    last = start("--resume", killed)
    for process in (undisturbed, last):
        process.join()
        assert process.exitcode == 0, (tmp_path / "log.txt").read_text()
    assert len(describe_trials(whole)) == TRIALS
    assert describe_trials(killed) == describe_trials(whole)
    for trial in range(TRIALS):
        name = f"trials/{trial:04d}"
        epochs = [row["epoch"] for row in read_rows(killed / name / "history.csv")]
        assert epochs == ["1", "2", "3"]
        scores = [read_json(run / name / "metrics.json")["test"] for run in (whole, killed)]
        assert scores[0] == scores[1]
    assert len(open_study(killed).trials) == TRIALS, "no trial was begun twice"


def open_study(directory):
    url = f"sqlite:///{directory / 'study.db'}"
    return optuna.load_study(study_name="sweep", storage=url)


def test_two_processes_share_the_trials_and_one_that_is_stopped_leaves_its_own(start, tmp_path):
    config = write_sweep(tmp_path, {**SECTIONS["random"], "reports": 0})
    storage = f"sqlite:///{tmp_path / 'shared.db'}"
    options = ("--config", config, "--set", f"sweep_config.storage={storage}")
    first, second = tmp_path / "first", tmp_path / "second"
    stopped = start(*options, "--output", first)
    while stopped.is_alive() and count_epochs(first, 0) < 1:
        time.sleep(0.005)
    os.kill(stopped.pid, signal.SIGINT)
    stopped.join()
    log = tmp_path / "log.txt"
    assert stopped.exitcode == 130, log.read_text()
    assert f"Go on with: python run.py sweep --resume {first}" in log.read_text()

    helpers = [start(*options, "--output", second), start("--resume", first)]
    for process in helpers:
        process.join()
        assert process.exitcode == 0, log.read_text()
    assert [row["state"] for row in describe_trials(second)] == ["complete"] * TRIALS
    assert describe_trials(first) == describe_trials(second)
    runs = sorted(path.parent.name for path in tmp_path.glob("*/trials/*/metrics.json"))
    assert runs == [f"{trial:04d}" for trial in range(TRIALS)], "none ran twice"
    started = re.findall(r"Trial \d+: ", log.read_text())
    assert len(started) == TRIALS + 1, "but for the one that was stopped and went on"
