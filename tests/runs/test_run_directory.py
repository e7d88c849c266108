"""A run directory is somebody's work: nothing in it is lost because a run went wrong."""

import pytest

from framework.cli.main import main
from framework.config.reserved_files import UNFINISHED
from framework.errors import ConfigError, Problem, RunError
from framework.runs.run_directory import create_run, open_run, reopen_run


@pytest.fixture
def begun(tmp_path):
    """A run that was interrupted before its first epoch."""
    directory = create_run("any", tmp_path / "run")
    (directory / "config.json").write_text("{}")
    return directory


def test_only_an_interrupted_run_can_go_on(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(RunError, match="no interrupted run: there is no UNFINISHED in it"):
        reopen_run(tmp_path)


@pytest.mark.parametrize(
    "failure", [RunError("No disk."), ConfigError([Problem("data_config", "too few classes")])]
)
def test_a_run_that_fails_when_it_goes_on_is_kept(begun, failure):
    with pytest.raises(type(failure), match=r"No disk|too few classes"), open_run(begun):
        raise failure
    assert (begun / "config.json").exists()
    assert (begun / UNFINISHED).exists()


@pytest.mark.parametrize(
    "failure", [RunError("No disk."), ConfigError([Problem("data_config", "too few classes")])]
)
def test_a_run_that_fails_before_it_trains_leaves_nothing(tmp_path, failure):
    directory = create_run("any", tmp_path / "run")
    with pytest.raises(type(failure)), open_run(directory):
        (directory / "config.json").write_text("{}")
        raise failure
    assert not directory.exists()


def test_hidden_files_that_are_not_the_frameworks_stay(begun):
    (begun / ".ipynb_checkpoints").mkdir()
    (begun / ".gitignore").write_text("*.png\n")
    leftover = begun / ".history.0123abcd.csv"
    leftover.write_text("what a killed process had not published")
    with open_run(begun):
        (begun / "metrics.json").write_text("{}")
    assert (begun / ".ipynb_checkpoints").is_dir()
    assert (begun / ".gitignore").exists()
    assert not leftover.exists()


@pytest.mark.parametrize("words", [["--check"], ["--output", "elsewhere"]])
def test_an_option_that_resume_can_not_follow_is_refused(begun, words, capsys):
    assert main(["--resume", str(begun), *words]) == 2
    assert f"{words[0]} can't be combined with --resume" in capsys.readouterr().err
