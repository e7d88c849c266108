"""A run killed at any moment is resumed, and ends with the same bits."""

import os
import signal

import pytest

from framework.cli.main import main
from tests.helpers.program import read_json, read_rows
from tests.helpers.small_runs import Runner, assert_same_run

pytestmark = pytest.mark.long


@pytest.fixture
def runner(forker, small_run, tmp_path):
    return Runner(forker, small_run.config, tmp_path / "run")


@pytest.mark.parametrize("epochs", [1, 5], ids=["the top", "fine-tuning"])
def test_a_killed_run_resumes_to_the_same_bits(epochs, runner, small_run):
    assert runner.interrupt(epochs, signal.SIGKILL).returncode == -signal.SIGKILL
    assert (runner.directory / "UNFINISHED").exists()
    runner.finish()
    assert_same_run(small_run.directory, runner.directory)
    assert [row["epoch"] for row in read_rows(runner.directory / "log.csv")][-1] == "5"
    assert sorted(os.listdir(runner.directory)) == sorted(os.listdir(small_run.directory))


def test_an_interrupted_run_says_how_to_go_on(runner, forker, small_run):
    stopped = runner.interrupt(2, signal.SIGINT)
    assert stopped.returncode == 130, stopped.output
    assert f"python run.py --resume {runner.directory}" in stopped.output
    assert "Traceback" not in stopped.output
    begun = read_json(runner.directory / "environment.json")["run"]
    again = ["--resume", runner.directory, "--config", runner.config]
    changed = forker.start(*again, "--set", "training_config.seed=1")
    assert changed.wait() == 2
    assert "training_config.seed: 0 before, 1 now" in changed.stderr
    assert forker.start(*again, **runner.environment).wait() == 0
    assert_same_run(small_run.directory, runner.directory)
    environment = read_json(runner.directory / "environment.json")
    assert environment["run"] == begun
    assert not any("resumes under other conditions" in note for note in environment["notes"])


def test_a_damaged_checkpoint_is_refused(runner, small_run):
    runner.interrupt(3, signal.SIGKILL)
    checkpoint = runner.directory / "checkpoint.npz"
    damaged = bytearray(checkpoint.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    checkpoint.write_bytes(damaged)
    assert "damaged" in runner.finish().stdout
    assert_same_run(small_run.directory, runner.directory)


def test_a_finished_run_has_nothing_to_go_on_with(small_run, capsys):
    assert main(["--resume", str(small_run.directory)]) == 0
    assert "is finished" in capsys.readouterr().out


def test_a_directory_without_a_run_is_refused(tmp_path, capsys):
    assert main(["--resume", str(tmp_path)]) == 1
    assert "holds no run" in capsys.readouterr().err
