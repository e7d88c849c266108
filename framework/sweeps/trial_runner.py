"""Runs one trial: an ordinary run, in this process or in any other. Imports Keras."""

import gc
import logging
import shutil
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import keras

from framework.config import dump_config, load_config, resolve_config
from framework.config.reserved_files import UNFINISHED
from framework.data.registry import load_dataset
from framework.errors import FrameworkError, InterruptedRunError, RunError
from framework.experiment import RunOptions, run_experiment, start_experiment
from framework.runs import run_directory
from framework.sweeps.trial_result import Report, TrialResult, read_metric
from framework.utils.files import write_text

logger = logging.getLogger(__name__)

# Most sweeps have one data set: its messages, and a failed download, are reported once.
load_dataset_once = lru_cache(maxsize=1)(load_dataset)


class PrunedError(Exception):
    """A trial was pruned."""


def run_trial(
    values: Mapping[str, Any], directory: Path, metric: str, report: Report | None = None
) -> TrialResult:
    """Run a trial, or resume one that was interrupted; it needs nothing but this.

    Args:
        values: The config as plain values.
        directory: The run directory. One that already holds the finished run is left alone.
        metric: What decides: `val_accuracy` and the like.
        report: Called after every epoch.

    Raises:
        InterruptedRunError: The user stopped it.
    """
    try:
        _run_values(values, directory, metric, report)
        return TrialResult("complete", read_metric(directory, metric))
    except PrunedError as reason:
        write_text(directory / UNFINISHED, f"{reason}\n")
        return TrialResult("pruned", message=str(reason))
    except InterruptedRunError:
        raise
    except (FrameworkError, OSError) as error:
        return TrialResult("failed", message=str(error))
    # An unexpected error of a library in one trial must not end the others.
    except Exception as error:
        logger.debug("%s", directory, exc_info=True)
        return TrialResult("failed", message=f"{type(error).__name__}: {error}")


def _run_values(
    values: Mapping[str, Any], directory: Path, metric: str, report: Report | None
) -> None:
    """Finish the run of a config, from wherever it stands; with the bits of a fresh process.

    Raises:
        PrunedError: `report` has returned true.
        FrameworkError: As a run raises it.
    """
    config = resolve_config(values, f"trial {directory.name}")
    started = (directory / "config.json").is_file()
    if started and dump_config(load_config(directory / "config.json")) != dump_config(config):
        raise RunError(f"{directory} holds another run. Start the sweep in another directory.")
    if run_directory.is_finished(directory):
        return  # Killed after the run had finished, before the result was noted.
    # Layers are numbered, and memory is freed, as in a process of its own.
    keras.backend.clear_session()
    gc.collect()
    logging.getLogger("tensorflow").addFilter(_drop_retracing_advice)
    options = RunOptions(
        extra_callbacks=[MetricReporter(metric, report)] if report else [],
        with_report=False,
        load_dataset=load_dataset_once,
    )
    if started:
        run_directory.reopen_run(directory)
        run_experiment(config, directory, options)
    else:
        shutil.rmtree(directory, ignore_errors=True)  # Killed before the run had started.
        start_experiment(config, directory.name, directory, options)


class MetricReporter(keras.callbacks.Callback):
    """Reports a metric after every epoch, and prunes the trial when asked to.

    Args:
        metric: Its name.
        report: What it is reported to.
    """

    def __init__(self, metric: str, report: Report) -> None:
        super().__init__()
        self._metric = metric
        self._report = report

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Report the metric.

        Raises:
            PrunedError: The trial is to end.
        """
        value = float((logs or {})[self._metric])
        if self._report(epoch + 1, value):
            raise PrunedError(
                f"Pruned after epoch {epoch + 1}: {self._metric} {value:.4g} is worse than the "
                "median of earlier trials."
            )


def _drop_retracing_advice(record: logging.LogRecord) -> bool:
    """Drop the advice to trace less often: each trial has a network of its own."""
    return "triggered tf.function retracing" not in record.getMessage()
