"""Trials on all nodes of a Ray cluster, a few at a time on each.

A trial is an ordinary run in a temporary directory of its node, which comes back as a whole:
nobody but this process writes the sweep's directory and the study. Data and weights must be
where the config says on every node; features are stored on each node for itself.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import time
from collections import Counter, deque
from collections.abc import Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from framework.distributed.cluster import (
    Cluster,
    Node,
    Resources,
    local_node_affinity,
    node_affinity,
    partition_node,
)
from framework.errors import RunError, first_sentence
from framework.sweeps.definition.sweep import Sweep
from framework.sweeps.study import ActiveTrial, Study
from framework.sweeps.trial_result import TrialResult
from framework.utils.console import start_console
from framework.utils.environment import THREADS_VARIABLE, count_threads
from framework.utils.native_logs import start_tensorflow

logger = logging.getLogger(__name__)

# Seconds between two looks at what trials have reported, and at which nodes there are.
POLL_SECONDS = 1.0

# Workers that may be lost over one trial.
MAX_RETRIES = 3


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
    values: Mapping[str, Any],
    trial_index: int,
    metric: str,
    reports: Any,
    working_directory: str,
    threads: int,
) -> tuple[TrialResult, dict[str, bytes]]:
    """Run a trial on a node.

    Args:
        values: The config as plain values.
        trial_index: The trial's number in the sweep.
        metric: What decides.
        reports: The actor `ReportActor`.
        working_directory: Where the sweep was started: relative paths begin there.
        threads: As many as TensorFlow uses there, since they decide last bits.

    Returns:
        How the trial ended, and what its run directory holds: path in it -> content.
    """
    import ray

    start_console()
    os.environ[THREADS_VARIABLE] = str(threads)
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


@dataclass(eq=False)
class _Job:
    """A trial at work on a node.

    Args:
        trial: The trial.
        node: Where.
        share: What it uses there.
        heartbeat: Tells other machines that it is at work, until it is closed.
    """

    trial: ActiveTrial
    node: Node
    share: Resources
    heartbeat: ExitStack


def run_trials_on(cluster: Cluster, study: Study, sweep: Sweep) -> None:
    """Run trials until none is left and no other process runs one.

    Args:
        cluster: Where they run.
        study: Whose trials they are.
        sweep: What is tried.
    """
    start_tensorflow()  # Which tells the number of threads.
    budget = sweep.settings.time_budget
    started = time.monotonic()
    with closing(_Trials(study, sweep, cluster)) as trials:
        while True:
            is_over = budget is not None and time.monotonic() - started >= budget
            if not is_over:
                trials.start()
            if not trials.at_work and (is_over or study.count_running() == 0):
                return
            trials.follow()


class _Trials:
    """The trials that this process has given to a cluster."""

    def __init__(self, study: Study, sweep: Sweep, cluster: Cluster) -> None:
        import ray

        self._study = study
        self._sweep = sweep
        self._cluster = cluster
        # With this process, so that it is not lost with another node.
        self._reports: Any = (
            ray.remote(num_cpus=0)(ReportActor)
            .options(scheduling_strategy=local_node_affinity())
            .remote()
        )
        self._jobs: dict[Any, _Job] = {}
        self._lost: deque[ActiveTrial] = deque()
        self._losses: Counter[int] = Counter()
        self._threads = count_threads()

    @property
    def at_work(self) -> bool:
        """Whether a trial is to be followed or begun again."""
        return bool(self._jobs or self._lost)

    def start(self) -> None:
        """Begin trials where cores are free."""
        for node, share in self._find_vacancies():
            if self._lost:
                trial: ActiveTrial | None = self._lost.popleft()
            else:
                trial = self._study.claim()
            if trial is None:
                return
            self._begin(trial, node, share)

    def _find_vacancies(self) -> list[tuple[Node, Resources]]:
        vacancies: list[tuple[Node, Resources]] = []
        for node in self._cluster.find_nodes():
            taken = Counter(job.share for job in self._jobs.values() if job.node.id == node.id)
            free = Counter(partition_node(node, self._threads)) - taken
            vacancies.extend((node, share) for share in free.elements())
        return vacancies

    def _begin(self, trial: ActiveTrial, node: Node, share: Resources) -> None:
        import ray

        task: Any = ray.remote(run_trial_remotely).options(
            num_cpus=share.cores,
            num_gpus=share.gpus,
            max_retries=0,
            scheduling_strategy=node_affinity(node),
        )
        values = self._sweep.make_values(trial.parameters)
        ref = task.remote(
            values,
            trial.trial_index,
            self._sweep.settings.metric,
            self._reports,
            str(Path.cwd()),
            self._threads,
        )
        heartbeat = ExitStack()
        heartbeat.enter_context(self._study.keep_alive(trial))
        self._jobs[ref] = _Job(trial, node, share, heartbeat)

    def follow(self) -> None:
        """Wait a moment, pass on what trials report, and settles those that have ended."""
        import ray

        if not self._jobs:
            time.sleep(POLL_SECONDS)
            return
        done, _ = ray.wait(list(self._jobs), timeout=POLL_SECONDS)
        trials = {job.trial.trial_index: job.trial for job in self._jobs.values()}
        for trial_index, epoch, value in ray.get(self._reports.take.remote()):
            if trial_index in trials and trials[trial_index].report(epoch, value):
                self._reports.prune.remote(trial_index)
        for ref in done:
            self._end(ref, self._jobs.pop(ref))

    def _end(self, ref: Any, job: _Job) -> None:
        import ray

        job.heartbeat.close()
        trial = job.trial
        try:
            result, files = ray.get(ref)
        except ray.exceptions.RayTaskError as error:
            result, files = TrialResult("failed", message=first_sentence(error.cause)), {}
        except ray.exceptions.RayError as error:
            logger.debug("%s: %s", job.node.name, error)
            self._losses[trial.trial_index] += 1
            if self._losses[trial.trial_index] < MAX_RETRIES:
                logger.warning("! A worker on %s was lost: its trial begins again.", job.node.name)
                self._lost.append(trial)
                return
            message = f"{MAX_RETRIES} workers of the cluster were lost over it."
            result, files = TrialResult("failed", message=message), {}
        if files:
            unpack_run(files, trial.directory)
        self._study.finish(trial, result)

    def close(self) -> None:
        """End what is still at work, and leave it to whoever goes on with the sweep."""
        import ray

        for ref, job in self._jobs.items():
            ray.cancel(ref, force=True)
            job.heartbeat.close()
        for trial in [*(job.trial for job in self._jobs.values()), *self._lost]:
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
