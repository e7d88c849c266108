"""Sweeps that are killed, stopped and shared."""

import re
import signal
import time

import optuna
import pytest

from tests.helpers.program import read_json, read_rows
from tests.helpers.small_sweeps import RATE, write_sweep

pytestmark = pytest.mark.long

TRIALS = 3
SECTIONS = {
    "grid": {"sampler": "grid", "keys": {RATE: {"choice": [0.1, 0.03, 0.01]}}},
    "random": {"trials": TRIALS, "seed": 5, "keys": {RATE: {"log_range": [1e-3, 0.1]}}},
}


def stop_at(forker, directory, trial, epochs, how, arguments):
    """Starts the sweep, and ends it with a signal when a trial has had some epochs."""
    history = directory / "trials" / f"{trial:04d}" / "history.csv"
    process = forker.start("sweep", *arguments, hold=(history, epochs))
    while process.is_alive() and not (history.exists() and len(read_rows(history)) >= epochs):
        time.sleep(0.005)
    process.send_signal(how)
    process.wait()
    return process


def describe_trials(directory):
    """What a sweep has tried and found, in the order of the trials."""
    rows = sorted(read_rows(directory / "ranking.csv"), key=lambda row: int(row["trial"]))
    kept = ("trial", "state", "val_accuracy", RATE)
    return [{key: row[key] for key in kept} for row in rows]


@pytest.mark.parametrize("sampler", SECTIONS)
def test_a_sweep_killed_three_times_ends_with_the_same_trials(sampler, forker, tmp_path):
    config = write_sweep(tmp_path, {**SECTIONS[sampler], "reports": 0})
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    undisturbed = forker.start("sweep", "--config", config, "--output", whole)
    again = ("--config", config, "--output", killed)
    for trial, epochs in ((0, 1), (1, 2), (2, 1)):
        stopped = stop_at(forker, killed, trial, epochs, signal.SIGKILL, again)
        assert stopped.returncode == -signal.SIGKILL, stopped.output
    last = forker.start("sweep", "--resume", killed)
    for process in (undisturbed, last):
        assert process.wait() == 0, process.output
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


def test_two_processes_share_the_trials_and_one_that_is_stopped_leaves_its_own(forker, tmp_path):
    config = write_sweep(tmp_path, {**SECTIONS["random"], "reports": 0})
    storage = f"sqlite:///{tmp_path / 'shared.db'}"
    options = ("--config", config, "--set", f"sweep_config.storage={storage}")
    first, second = tmp_path / "first", tmp_path / "second"
    stopped = stop_at(forker, first, 0, 1, signal.SIGINT, (*options, "--output", first))
    assert stopped.returncode == 130, stopped.output
    assert f"Resume with: python run.py sweep --resume {first}" in stopped.output

    helpers = [
        forker.start("sweep", *options, "--output", second),
        forker.start("sweep", "--resume", first),
    ]
    for process in helpers:
        assert process.wait() == 0, process.output
    assert [row["state"] for row in describe_trials(second)] == ["complete"] * TRIALS
    assert describe_trials(first) == describe_trials(second)
    runs = sorted(path.parent.name for path in tmp_path.glob("*/trials/*/metrics.json"))
    assert runs == [f"{trial:04d}" for trial in range(TRIALS)], "none ran twice"
    said = "".join(process.output for process in (stopped, *helpers))
    started = re.findall(r"Trial \d+: ", said)
    assert len(started) == TRIALS + 1, "but for the one that was stopped and went on"
