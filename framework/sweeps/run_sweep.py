"""Runs a sweep: trial after trial, then the results."""

import logging
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from framework.distributed.cluster import Cluster
from framework.errors import InterruptedRunError
from framework.sweeps.definition.sweep import Sweep
from framework.sweeps.ray_trials import run_trials_on
from framework.sweeps.results.write_results import write_results
from framework.sweeps.study import ActiveTrial, Study
from framework.sweeps.sweep_directory import finish_sweep
from framework.tracking.requirements import require_mlflow
from framework.utils.console import quiet_console, record_log
from framework.utils.native_logs import start_tensorflow

logger = logging.getLogger(__name__)

POLL_SECONDS = 1.0
"""How often to look whether other processes have finished their trials."""


def run_sweep(sweep: Sweep, directory: Path, cluster: Cluster | None = None) -> None:
    """Run the remaining trials of a sweep, alone or beside other processes, and write the results.

    Args:
        sweep: What is varied.
        directory: The sweep's directory; see `framework.sweeps.sweep_directory`.
        cluster: Where the trials run; in this process if `None`.

    Raises:
        InterruptedRunError: The user interrupted it.
        RunError: All trials failed, or a file can't be written.
        UsageError: The directory or the database holds another sweep.
    """
    try:
        with record_log(directory / "sweep.log"), quiet_console(__package__):
            with closing(Study(sweep, directory)) as study, _record(sweep, directory) as sweep:
                if cluster is None:
                    run_trials(study, sweep)
                else:
                    run_trials_on(cluster, study, sweep)
                write_results(study, sweep, directory)
            finish_sweep(sweep, directory)
    except (KeyboardInterrupt, InterruptedRunError) as error:
        raise InterruptedRunError(
            f"Interrupted. Resume with: python run.py sweep --resume {directory}"
        ) from error


@contextmanager
def _record(sweep: Sweep, directory: Path) -> Iterator[Sweep]:
    """Record the sweep, if its trials are recorded by MLflow, and give it to them as a parent."""
    tracking = sweep.tracking
    if tracking.get("name") != "mlflow":
        yield sweep
        return
    require_mlflow()
    from framework.tracking.sweep_record import record_sweep

    uri, experiment = tracking.get("uri"), tracking.get("experiment")
    with record_sweep(directory, uri, experiment) as run_id:
        yield replace(sweep, parent_run=run_id)


def run_trials(study: Study, sweep: Sweep) -> None:
    """Run trials one after the other until none is left, here or in other processes."""
    budget = sweep.settings.time_budget
    started = time.monotonic()
    waiting = False
    while budget is None or time.monotonic() - started < budget:
        trial = study.claim()
        if trial is not None:
            run_active_trial(study, sweep, trial)
            continue
        running = study.count_running()
        if running == 0:
            return
        if not waiting:
            logger.info("Waiting for trials that other processes run: %d", running)
            waiting = True
        time.sleep(POLL_SECONDS)
    logger.info("The time budget of %g s is used up.", budget)


def run_active_trial(study: Study, sweep: Sweep, trial: ActiveTrial) -> None:
    """Run one trial in this process, and note its result."""
    start_tensorflow()
    from framework.sweeps.trial_runner import run_trial

    try:
        with study.keep_alive(trial):
            values = sweep.make_values(trial.parameters)
            result = run_trial(values, trial.directory, sweep.settings.metric, trial.report)
    except BaseException:
        study.release(trial)  # Interrupted: the trial is resumed with the sweep.
        raise
    study.finish(trial, result)
