"""Who runs which trial, without running any."""

import sqlite3
from contextlib import ExitStack, closing

import optuna
import pytest

from framework.errors import RunError
from framework.sweeps.definition.sweep import load_sweep
from framework.sweeps.storage import allow_experimental
from framework.sweeps.study import Study
from framework.sweeps.trial_result import TrialResult
from tests.helpers.small_sweeps import BATCH, RATE, write_sweep

SECTION = {"trials": 3, "seed": 2, "keys": {RATE: {"log_range": [1e-3, 0.1]}}}
DONE = TrialResult("complete", 0.5)


@pytest.fixture
def open_study(tmp_path):
    """Opens a study as a process of its own does."""
    with ExitStack() as stack:

        def open_one(name="out", **section):
            sweep = load_sweep(write_sweep(tmp_path, SECTION | section))
            (tmp_path / name).mkdir(exist_ok=True)
            return stack.enter_context(closing(Study(sweep, tmp_path / name)))

        yield open_one


def test_no_two_processes_get_the_same_trial(open_study):
    first, second = open_study(), open_study()
    trials = [first.claim(), second.claim(), first.claim()]
    assert [trial.trial_index for trial in trials] == [0, 1, 2]
    assert len({trial.parameters[RATE] for trial in trials}) == 3
    assert second.claim() is None, "all are taken"
    assert second.count_running() == 3
    for trial in trials:
        first.finish(trial, DONE)
    assert second.count_running() == 0
    assert second.claim() is None


def test_a_trial_that_was_let_go_is_taken_over_with_its_values(open_study):
    first, second = open_study(), open_study()
    left, kept = first.claim(), first.claim()
    first.release(left)
    taken = second.claim()
    assert (taken.trial_index, taken.parameters) == (left.trial_index, left.parameters)
    assert taken.directory == left.directory
    assert second.claim().trial_index == 2
    second.finish(taken, DONE)
    first.finish(kept, TrialResult("failed", message="no luck"))
    states = {index: trial.state.name for index, trial in first.list_trials().items()}
    assert states == {0: "COMPLETE", 1: "FAIL", 2: "RUNNING"}


def test_more_trials_go_on_where_fewer_ended(open_study):
    study = open_study(trials=1)
    study.finish(study.claim(), DONE)
    assert study.claim() is None
    assert open_study(trials=2).claim().trial_index == 1


@pytest.mark.parametrize("sampler", ["grid", "random", "tpe"])
def test_values_follow_from_seed_and_number(sampler, open_study):
    keys = {BATCH: {"range": [8, 64], "step": 8}}
    drawn = []
    for name in ("one", "two"):
        study = open_study(name, sampler=sampler, trials=3, keys=keys)
        trials = []
        for value in (0.3, 0.6, 0.9):
            trials.append(study.claim())
            study.finish(trials[-1], TrialResult("complete", value))
        drawn.append([trial.parameters for trial in trials])
    assert drawn[0] == drawn[1]


def make_heartbeats_old(database):
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE trial_heartbeats SET heartbeat = '2020-01-01 00:00:00'")


def test_the_trial_of_a_machine_that_fell_silent_is_begun_again(open_study, tmp_path):
    database = tmp_path / "shared.db"
    storage = f"sqlite:///{database}"
    here = open_study("here", storage=storage, trials=2)
    there = open_study("there", storage=storage, trials=2)
    lost = there.claim()
    with there.keep_alive(lost):
        # The same path on another machine is another directory, and no lock can be seen there.
        (tmp_path / "there" / "locks" / "id").write_text("another machine")
        mine = here.claim()
        assert mine.trial_index == 1
        assert here.claim() is None, "the other machine is alive"
    make_heartbeats_old(database)
    again = here.claim()
    assert (again.trial_index, again.parameters) == (lost.trial_index, lost.parameters)
    assert again.directory == tmp_path / "here" / "trials" / "0000"
    assert here.claim() is None
    here.finish(again, DONE)
    here.finish(mine, DONE)
    assert {p: t.state.name for p, t in here.list_trials().items()} == {
        0: "COMPLETE",
        1: "COMPLETE",
    }


@pytest.mark.parametrize("result", [DONE, TrialResult("failed", message="no luck")])
def test_a_machine_that_comes_back_leaves_its_trial_to_the_other(result, open_study, tmp_path):
    storage = f"sqlite:///{tmp_path / 'shared.db'}"
    here, there = (open_study(name, storage=storage, trials=1) for name in ("here", "there"))
    lost = there.claim()
    with there.keep_alive(lost):
        (tmp_path / "there" / "locks" / "id").write_text("another machine")
    make_heartbeats_old(tmp_path / "shared.db")
    again = here.claim()
    there.finish(lost, result)
    here.finish(again, TrialResult("complete", 0.7))
    assert [trial.value for trial in here.list_trials().values()] == [0.7]


def test_a_stale_trial_that_one_process_has_queued_may_be_started_by_another(open_study, tmp_path):
    storage = f"sqlite:///{tmp_path / 'shared.db'}"
    names = ("lost", "killed", "third")
    lost, killed, third = (open_study(name, storage=storage, trials=1) for name in names)
    stale = lost.claim()
    with lost.keep_alive(stale):
        (tmp_path / "lost" / "locks" / "id").write_text("another machine")
    make_heartbeats_old(tmp_path / "shared.db")
    with allow_experimental():
        optuna.storages.fail_stale_trials(killed.record)
    assert third.count_running() == 0
    again = third.claim()
    assert (again.trial_index, again.parameters) == (0, stale.parameters)
    assert killed.claim() is None
    third.finish(again, DONE)
    assert [trial.state.name for trial in lost.list_trials().values()] == ["COMPLETE"]


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("postgres+nothing://somewhere", "Can't load plugin"),
        ("mysql+pymysql://localhost/none", ".+ driver installed"),
    ],
)
def test_a_database_that_cannot_be_opened_is_one_clear_message(
    url, reason, open_study, monkeypatch
):
    monkeypatch.setattr("framework.sweeps.storage._PAUSE_SECONDS", 0.0)
    with pytest.raises(RunError, match=f"the database can't be opened: {reason}"):
        open_study(storage=url)
