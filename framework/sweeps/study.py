"""The study: which trials there are, who runs which, and how they ended.

Optuna keeps it in a database, which numbers the trials: no two processes get the same
number, and a trial's parameters follow from its number. A trial belongs to the process
that holds its lock, which the system lets go of however the process ends. A trial that
is noted as running while nobody holds its lock was interrupted, and whoever finds it
goes on with it. Locks are files in the sweep's directory. Of trials in a directory that
can't be seen from here, heartbeats in the database tell that they are alive.
"""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from filelock import FileLock, Timeout
from optuna.trial import FrozenTrial, TrialState, create_trial

from framework.config.diff import list_changes
from framework.errors import UsageError
from framework.sweeps.definition.search_space import Parameter
from framework.sweeps.definition.sweep import Sweep, describe_definition
from framework.sweeps.parameter_plan import Plan
from framework.sweeps.results.ranking import format_parameters
from framework.sweeps.samplers import make_pruner, make_sampler, suggest_parameters
from framework.sweeps.storage import accept_experiments, open_storage, send_heartbeats
from framework.sweeps.trial_result import TrialResult, is_minimized
from framework.utils.files import write_text

logger = logging.getLogger(__name__)

STATES = {
    "complete": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "failed": TrialState.FAIL,
    "running": TrialState.RUNNING,
}

OWNER = "home"
"""Attribute of a trial: directory and id of the sweep directory whose process runs it."""

RESTARTED = "again"
"""Attribute of a trial that replaces a lost one: its number in the sweep."""


@dataclass(frozen=True)
class ActiveTrial:
    """A trial that this process runs.

    Args:
        trial_index: The number in the sweep, from 0; unchanged when another process takes over.
        parameters: Its values.
        directory: Its run directory.
        handle: Optuna's own trial.
        lock: Held until the trial has ended.
    """

    trial_index: int
    parameters: dict[str, Parameter]
    directory: Path
    handle: optuna.Trial
    lock: FileLock

    def report(self, epoch: int, value: float) -> bool:
        """Record a metric, and return whether to prune the trial."""
        self.handle.report(value, epoch)
        return self.handle.should_prune()


class Study:
    """A study, as one process sees it.

    Args:
        sweep: What is sought.
        directory: The sweep's directory; it exists.

    Attributes:
        record: Optuna's own record.

    Raises:
        RunError: The database can't be had.
        UsageError: The study was begun with another definition.
    """

    def __init__(self, sweep: Sweep, directory: Path) -> None:
        settings = sweep.settings
        self._sweep = sweep
        self._plan = Plan(sweep.space, settings)
        self._directory = directory
        self._locks = directory / "locks"
        self._locks.mkdir(exist_ok=True)
        self._is_shared = settings.storage is not None
        self._lost: list[FrozenTrial] = []
        definition = describe_definition(sweep.dump())
        with self._take_turns():
            self._owner = {"directory": str(directory.resolve()), "id": _identify(self._locks)}
            self._storage = open_storage(
                settings.storage or f"sqlite:///{directory / 'study.db'}",
                self._note_lost if self._is_shared else None,
            )
            self.record = optuna.create_study(
                storage=self._storage,
                study_name=settings.study or _name_study(definition, self._is_shared),
                direction="minimize" if is_minimized(settings.metric) else "maximize",
                pruner=make_pruner(settings),
                load_if_exists=True,
            )
            self._check_definition(definition)

    def close(self) -> None:
        """Let go of the database."""
        self._storage.remove_session()
        self._storage.engine.dispose()

    def claim(self) -> ActiveTrial | None:
        """Take a trial to run: one that was interrupted, or a new one.

        Returns:
            The trial; `None` if none is left, or those that are left run elsewhere.
        """
        with self._take_turns():
            trials = self.list_trials()
            for trial_index, trial in trials.items():
                if trial.state == TrialState.RUNNING and (
                    active := self._take_over(trial, trial_index)
                ):
                    return active
            if self._plan.trials is None or len(trials) < self._plan.trials:
                return self._begin()
            if self._is_shared:
                with accept_experiments():
                    optuna.storages.fail_stale_trials(self.record)
            return self._begin(self._lost.pop()) if self._lost else None

    def list_trials(self) -> dict[int, FrozenTrial]:
        """Return the trials by their number in the sweep."""
        trials = list_trial_indices(self.record.get_trials(deepcopy=False))
        # A machine that counted at the same moment as another began one too many.
        return {
            p: t for p, t in trials.items() if self._plan.trials is None or p < self._plan.trials
        }

    def count_running(self) -> int:
        """Return how many trials are at work, here and elsewhere."""
        return sum(t.state == TrialState.RUNNING for t in self.list_trials().values())

    def keep_alive(self, trial: ActiveTrial) -> AbstractContextManager[None]:
        """Tell other machines, while the body runs, that a trial is at work."""
        return send_heartbeats(self._storage, trial.handle._trial_id)

    def finish(self, trial: ActiveTrial, result: TrialResult) -> None:
        """Record and log the result of a trial, and release it."""
        if result.message:
            trial.handle.set_user_attr("message", result.message)
        # Where this machine was silent for long, another one may have taken over.
        self.record.tell(trial.handle, result.value, STATES[result.state], skip_if_finished=True)
        self.release(trial)
        if result.value is None:
            reason = result.message.partition("\n")[0]
            logger.warning("  trial %d %s: %s", trial.trial_index, result.state, reason)
        else:
            metric = self._sweep.settings.metric
            logger.info("  trial %d: %s %.4g", trial.trial_index, metric, result.value)

    def release(self, trial: ActiveTrial) -> None:
        """Leave a trial, as it is, to the next process that claims it."""
        trial.lock.release()

    def _take_turns(self) -> FileLock:
        """Let one process of this directory at a time look what there is, and act on it."""
        return FileLock(self._locks / "study.lock")

    def _begin(self, lost: FrozenTrial | None = None) -> ActiveTrial | None:
        """Begin a trial, which the database numbers; or one that was lost, again."""
        attributes: dict[str, Any] = {OWNER: self._owner}
        if lost is not None:
            indices = list_trial_indices(self.record.get_trials(deepcopy=False))
            attributes[RESTARTED] = next(p for p, t in indices.items() if t.number == lost.number)
        template = create_trial(
            state=TrialState.RUNNING,
            params=lost.params if lost else None,
            distributions=lost.distributions if lost else None,
            user_attrs=attributes,
        )
        study_id = self._storage.get_study_id_from_name(self.record.study_name)
        trial_id = self._storage.create_new_trial(study_id, template)
        for trial_index, trial in self.list_trials().items():
            if trial._trial_id == trial_id:
                return self._take(trial, trial_index, self._directory)
        return None

    def _take_over(self, trial: FrozenTrial, trial_index: int) -> ActiveTrial | None:
        """Take a trial whose process has ended, if that can be told."""
        owner = trial.user_attrs[OWNER]
        directory = Path(owner["directory"])
        if owner["id"] == self._owner["id"]:
            directory = self._directory  # The same, even if it was moved.
        elif _read_identity(directory / "locks") != owner["id"]:
            return None
        return self._take(trial, trial_index, directory)

    def _take(self, trial: FrozenTrial, trial_index: int, directory: Path) -> ActiveTrial | None:
        lock = FileLock(directory / "locks" / f"{trial_index:04d}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return None  # Its process is at work.
        # It may have ended before the lock was free.
        if self._storage.get_trial(trial._trial_id).state != TrialState.RUNNING:
            lock.release()
            return None
        self.record.sampler = make_sampler(self._sweep.settings, self._plan, trial_index)
        handle = optuna.Trial(self.record, trial._trial_id)
        parameters = suggest_parameters(handle, self._sweep.space)
        logger.info("Trial %d: %s", trial_index, format_parameters(parameters))
        return ActiveTrial(
            trial_index, parameters, directory / "trials" / f"{trial_index:04d}", handle, lock
        )

    def _note_lost(self, study: optuna.Study, trial: FrozenTrial) -> None:
        """Remember a trial whose machine has fallen silent; no other process is told of it."""
        self._lost.append(trial)

    def _check_definition(self, definition: dict[str, Any]) -> None:
        """Note down what the study is about, or compare with what was noted."""
        known = self.record.user_attrs.get("definition")
        if known is None:
            self.record.set_user_attr("definition", json.dumps(definition))
            return
        if changes := list_changes(json.loads(known), definition):
            raise UsageError(
                f"The sweep in {self._directory} began with another config:\n"
                + "\n".join(f"  {change}" for change in changes)
                + "\nChange it back, or start a new sweep in another directory."
            )


def list_trial_indices(trials: Iterable[FrozenTrial]) -> dict[int, FrozenTrial]:
    """Return trials by their number in the sweep; one that was begun again has its first one."""
    indices: dict[int, FrozenTrial] = {}
    for trial in sorted(trials, key=lambda trial: trial.number):
        indices[trial.user_attrs.get(RESTARTED, len(indices))] = trial
    return indices


def _name_study(definition: dict[str, Any], is_shared: bool) -> str:
    """Return a name that only this sweep has among those in a shared database."""
    if not is_shared:
        return "sweep"
    text = json.dumps(definition, sort_keys=True)
    return f"sweep-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def _identify(locks: Path) -> str:
    """Return what tells this directory from one of the same path on another machine."""
    if not (locks / "id").is_file():
        write_text(locks / "id", secrets.token_hex(8))
    return _read_identity(locks)


def _read_identity(locks: Path) -> str:
    path = locks / "id"
    return path.read_text(encoding="utf-8") if path.is_file() else ""
