"""Trials on all nodes of a Ray cluster, a few at a time on each.

A trial is an ordinary run in a temporary directory of its node, which comes back as a whole:
nobody but this process writes the sweep's directory and the study. Data and weights must be
where the config says on every node; features are stored on each node for itself.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from framework.distributed.cluster import Cluster, node_affinity
from framework.distributed.tasks import FinishedTask, TaskPool
from framework.errors import RunError, first_sentence
from framework.sweeps.definition.sweep import Sweep
from framework.sweeps.study import ActiveTrial, Study
from framework.sweeps.trial_result import TrialResult
from framework.utils.console import start_console
from framework.utils.native_logs import start_tensorflow

# How often a trial is begun again after its worker was lost.
MAX_RETRIES = 2


class ReportActor:
    """Where trials report their epochs, and learn that they are pruned; an actor of Ray's."""

    def __init__(self) -> None:
        self._reports: list[tuple[int, int, float]] = []
        self._pruned: set[int] = set()

    def report(self, trial_index: int, epoch: int, value: float) -> bool:
        """Note a metric down; tells whether the trial is to be pruned."""
        self._reports.append((trial_index, epoch, value))
        return trial_index in self._pruned

    def take(self) -> list[tuple[int, int, float]]:
        """Trial index, epoch and metric of all reports since the last call."""
        taken, self._reports = self._reports, []
        return taken

    def prune(self, trial_index: int) -> None:
        """End a trial with its next report."""
        self._pruned.add(trial_index)


def run_trial_remotely(
    values: Mapping[str, Any], trial_index: int, metric: str, reports: Any, working_directory: str
) -> tuple[TrialResult, dict[str, bytes]]:
    """Run a trial on a node.

    Args:
        values: The config as plain values.
        trial_index: The trial's number in the sweep.
        metric: What decides.
        reports: The actor `ReportActor`.
        working_directory: Where the sweep was started: relative paths begin there.

    Returns:
        How the trial ended, and what its run directory holds: path in it -> content.
    """
    import ray

    start_console()
    if Path(working_directory).is_dir():
        os.chdir(working_directory)
    start_tensorflow()
    from framework.sweeps.trial_runner import run_trial

    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder) / f"{trial_index:04d}"

        def report(epoch: int, value: float) -> bool:
            return bool(ray.get(reports.report.remote(trial_index, epoch, value)))

        result = run_trial(values, directory, metric, report)
        return result, pack_run(directory)


def run_trials_on(cluster: Cluster, study: Study, sweep: Sweep) -> None:
    """Run trials until none is left and no other process runs one.

    Args:
        cluster: Where they run.
        study: Whose trials they are.
        sweep: What is tried.
    """
    start_tensorflow()  # Which decides the number of threads.
    budget = sweep.settings.time_budget
    started = time.monotonic()
    with closing(_RayTrials(cluster, study, sweep)) as trials:
        while True:
            is_over = budget is not None and time.monotonic() - started >= budget
            if not is_over:
                trials.start()
            if not trials.active and (is_over or study.count_running() == 0):
                return
            trials.poll()


class _RayTrials:
    """The trials that this process runs on a cluster.

    Attributes:
        active: Those that have not ended, each with what stops its heartbeat, by their number.
    """

    def __init__(self, cluster: Cluster, study: Study, sweep: Sweep) -> None:
        import ray

        self._study = study
        self._sweep = sweep
        self._pool = TaskPool(cluster, run_trial_remotely, MAX_RETRIES)
        # With this process, so that it is not lost with another node.
        here = node_affinity(ray.get_runtime_context().get_node_id())
        actor: Any = ray.remote(num_cpus=0, scheduling_strategy=here)(ReportActor)
        self._reports = actor.remote()
        self.active: dict[int, tuple[ActiveTrial, ExitStack]] = {}

    def start(self) -> None:
        """Start trials where cores are free."""
        while self._pool.has_room() and (trial := self._study.claim()):
            heartbeat = ExitStack()
            heartbeat.enter_context(self._study.keep_alive(trial))
            self.active[trial.trial_index] = trial, heartbeat
            self._pool.submit(
                trial.trial_index,
                self._sweep.make_values(trial.parameters),
                trial.trial_index,
                self._sweep.settings.metric,
                self._reports,
                str(Path.cwd()),
            )

    def poll(self) -> None:
        """Wait a moment, pass on what trials report, and finish one that has ended."""
        import ray

        finished = self._pool.wait()
        for trial_index, epoch, value in ray.get(self._reports.take.remote()):
            active = self.active.get(trial_index)
            if active and active[0].report(epoch, value):
                self._reports.prune.remote(trial_index)
        if finished is not None:
            self._finish(finished)

    def _finish(self, finished: FinishedTask) -> None:
        trial, heartbeat = self.active[finished.key]
        try:
            result, files = finished.result()
        except Exception as error:
            result, files = TrialResult("failed", message=first_sentence(error)), {}
        if files:
            unpack_run(files, trial.directory)
        del self.active[finished.key]
        heartbeat.close()
        self._study.finish(trial, result)

    def close(self) -> None:
        """Cancel trials that have not ended, and release them: a resumed sweep runs them."""
        import ray

        self._pool.close()
        for trial, heartbeat in self.active.values():
            heartbeat.close()
            self._study.release(trial)
        ray.kill(self._reports)


def pack_run(directory: Path) -> dict[str, bytes]:
    """Read the files of a run directory, if there is one: path in it -> content."""
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }


def unpack_run(files: Mapping[str, bytes], directory: Path) -> None:
    """Write a run directory that came from a node in its place, whole or not at all.

    Args:
        files: From `pack_run`.
        directory: What it replaces, if it is there.

    Raises:
        RunError: It can't be written.
    """
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".", dir=directory.parent) as folder:
            unpacked = Path(folder) / directory.name
            for name, content in files.items():
                path = unpacked / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            shutil.rmtree(directory, ignore_errors=True)
            unpacked.rename(directory)
    except OSError as error:
        raise RunError(f"{directory}: can't be written: {error.strerror}. Make room.") from error
