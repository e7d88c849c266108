"""The study of a sweep: which trials there are, which process runs which, and how they ended.

Optuna keeps it in a database, which numbers the trials: no two processes get the same
number, and a trial's parameters follow from its number. A trial belongs to the process that
holds its lock, a file in the sweep's directory; the operating system releases the lock
however the process ends. A running trial whose lock is free was interrupted, and the next
process that asks for a trial resumes it. Of trials in a directory that can't be seen from
here, heartbeats in the database show whether they are alive.
"""

import hashlib
import json
import logging
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from filelock import FileLock, Timeout
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import RetryHeartbeatStaleTrialCallback
from optuna.storages._heartbeat import get_heartbeat_thread
from optuna.trial import FrozenTrial, TrialState, create_trial

from framework.config.reserved_files import TRIALS
from framework.config.serialization import list_changes
from framework.errors import UsageError
from framework.sweeps.definition.parameter_plan import ParameterPlan
from framework.sweeps.definition.search_space import Parameter
from framework.sweeps.definition.sweep import Sweep, describe_definition
from framework.sweeps.parameter_names import format_parameters
from framework.sweeps.samplers import make_pruner, make_sampler, suggest_parameters
from framework.sweeps.storage import allow_experimental, open_storage
from framework.sweeps.trial_result import TrialResult, is_minimized
from framework.utils.files import write_text

logger = logging.getLogger(__name__)

STATES = {
    "complete": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "failed": TrialState.FAIL,
    "running": TrialState.RUNNING,
}
"""States as a sweep names them, from those that may win to those that say least."""

OWNER = "home"
"""Attribute of a trial: path and id of the sweep directory whose process runs it."""

RESTARTED = "again"
"""Attribute of a restarted trial in databases of earlier versions: its index in the sweep."""


@dataclass(frozen=True)
class ActiveTrial:
    """A trial that this process runs.

    Args:
        trial_index: Its number in the sweep, from 0; unchanged when another process takes over.
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
        sweep: What is varied.
        directory: The sweep's directory; it exists.

    Attributes:
        record: Optuna's own study.

    Raises:
        RunError: The database can't be opened.
        UsageError: The study began with another definition.
    """

    def __init__(self, sweep: Sweep, directory: Path) -> None:
        settings = sweep.settings
        self._sweep = sweep
        self._plan = ParameterPlan(sweep.space, settings)
        self._directory = directory
        self._locks = directory / "locks"
        self._locks.mkdir(exist_ok=True)
        # Held while this process looks for a trial, and claims it.
        self._lock = FileLock(self._locks / "study.lock")
        is_shared = settings.storage is not None
        definition = describe_definition(sweep.dump())
        with self._lock:
            self._owner = {"directory": str(directory.resolve()), "id": _identify(self._locks)}
            self._storage = open_storage(
                settings.storage or f"sqlite:///{directory / 'study.db'}", is_shared
            )
            self.record = optuna.create_study(
                storage=self._storage,
                study_name=settings.study or _name_study(definition, is_shared),
                direction="minimize" if is_minimized(settings.metric) else "maximize",
                pruner=make_pruner(settings),
                load_if_exists=True,
            )
            self._check_definition(definition)

    def close(self) -> None:
        """Close the database."""
        self._storage.remove_session()
        self._storage.engine.dispose()

    def claim(self) -> ActiveTrial | None:
        """Claim a trial to run: one that was interrupted, a new one, or a stale one.

        Returns:
            The trial; `None` if none is left, or all that are left are running.
        """
        with self._lock:
            trials = self.list_trials()
            for index, trial in trials.items():
                if trial.state == TrialState.RUNNING and (active := self._resume(trial, index)):
                    return active
            if self._plan.trials is None or len(trials) < self._plan.trials:
                return self._create()
            with allow_experimental():
                optuna.storages.fail_stale_trials(self.record)
            return self._restart()

    def list_trials(self) -> dict[int, FrozenTrial]:
        """Return the trials by their index in the sweep."""
        trials = list_trial_indices(self.record.get_trials(deepcopy=False))
        # Machines that counted at the same moment may have created one too many.
        most = self._plan.trials
        return {i: trial for i, trial in trials.items() if most is None or i < most}

    def count_running(self) -> int:
        """Return how many trials are running, here and elsewhere."""
        return sum(t.state == TrialState.RUNNING for t in self.list_trials().values())

    @contextmanager
    def keep_alive(self, trial: ActiveTrial) -> Iterator[None]:
        """Send heartbeats of a trial while the body runs, where the database is shared."""
        with get_heartbeat_thread(trial.handle._trial_id, self._storage):
            yield

    def finish(self, trial: ActiveTrial, result: TrialResult) -> None:
        """Record and log the result of a trial, and release it."""
        state = STATES[result.state]
        # Where this machine was silent for long, another one may have restarted the trial.
        with suppress(UpdateFinishedTrialError):
            if result.message:
                trial.handle.set_user_attr("message", result.message)
            self.record.tell(trial.handle, result.value, state, skip_if_finished=True)
        self.release(trial)
        if result.value is None:
            reason = result.message.replace("\n", "\n    ")
            logger.warning("  trial %d %s: %s", trial.trial_index, result.state, reason)
        else:
            metric = self._sweep.settings.metric
            logger.info("  trial %d: %s %.4g", trial.trial_index, metric, result.value)

    def release(self, trial: ActiveTrial) -> None:
        """Leave a trial, as it is, to the next process that claims it."""
        trial.lock.release()

    def _create(self) -> ActiveTrial | None:
        """Create a trial, which the database numbers."""
        template = create_trial(state=TrialState.RUNNING, user_attrs={OWNER: self._owner})
        study_id = self._storage.get_study_id_from_name(self.record.study_name)
        trial_id = self._storage.create_new_trial(study_id, template)
        for index, trial in self.list_trials().items():
            if trial._trial_id == trial_id:
                return self._start(trial, index, self._directory)
        return None

    def _resume(self, trial: FrozenTrial, index: int) -> ActiveTrial | None:
        """Take over a trial whose process has ended, if that can be seen from here."""
        owner = trial.user_attrs[OWNER]
        directory = Path(owner["directory"])
        if owner["id"] == self._owner["id"]:
            directory = self._directory  # The same, even if it was moved.
        elif _read_identity(directory / "locks") != owner["id"]:
            return None
        return self._start(trial, index, directory)

    def _restart(self) -> ActiveTrial | None:
        """Start a stale trial anew, which Optuna has queued."""
        for index, trial in self.list_trials().items():
            if trial.state == TrialState.WAITING and self._storage.set_trial_state_values(
                trial._trial_id, TrialState.RUNNING
            ):
                self._storage.set_trial_user_attr(trial._trial_id, OWNER, self._owner)
                return self._start(trial, index, self._directory)
        return None

    def _start(self, trial: FrozenTrial, index: int, directory: Path) -> ActiveTrial | None:
        """Lock a trial and return it ready to run, unless a process runs it or has ended it."""
        lock = FileLock(directory / "locks" / f"{index:04d}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return None
        # It may have ended before the lock was free.
        if self._storage.get_trial(trial._trial_id).state != TrialState.RUNNING:
            lock.release()
            return None
        self.record.sampler = make_sampler(self._sweep.settings, self._plan, index)
        handle = optuna.Trial(self.record, trial._trial_id)
        parameters = suggest_parameters(handle, self._sweep.space)
        logger.info("Trial %d: %s", index, format_parameters(parameters))
        return ActiveTrial(index, parameters, directory / TRIALS / f"{index:04d}", handle, lock)

    def _check_definition(self, definition: dict[str, Any]) -> None:
        """Record the definition of the sweep, or compare it with the recorded one."""
        recorded = self.record.user_attrs.get("definition")
        if recorded is None:
            self.record.set_user_attr("definition", json.dumps(definition))
            return
        if changes := list_changes(json.loads(recorded), definition):
            raise UsageError(
                f"The sweep in {self._directory} began with another config:\n"
                + "\n".join(f"  {change}" for change in changes)
                + "\nChange it back, or start a new sweep in another directory."
            )


def list_trial_indices(trials: Iterable[FrozenTrial]) -> dict[int, FrozenTrial]:
    """Return trials by their index in the sweep; a restarted trial has that of its first start."""
    found: dict[int, FrozenTrial] = {}
    indices: dict[int | None, int] = {}
    for trial in sorted(trials, key=lambda trial: trial.number):
        with allow_experimental():
            retried = RetryHeartbeatStaleTrialCallback.retried_trial_number(trial)
        new = len(found)
        index = trial.user_attrs.get(RESTARTED, indices.get(retried, new))
        indices[trial.number] = index
        found[index] = trial
    return found


def _name_study(definition: dict[str, Any], is_shared: bool) -> str:
    """Return a name that only this sweep has among those in a shared database."""
    if not is_shared:
        return "sweep"
    text = json.dumps(definition, sort_keys=True)
    return f"sweep-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def _identify(locks: Path) -> str:
    """Return what distinguishes this directory from one of the same path on another machine."""
    if not (locks / "id").is_file():
        write_text(locks / "id", secrets.token_hex(8))
    return _read_identity(locks)


def _read_identity(locks: Path) -> str:
    path = locks / "id"
    return path.read_text(encoding="utf-8") if path.is_file() else ""
