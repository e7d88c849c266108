"""A trial's run, beside others in one process."""

from __future__ import annotations

import gc
import logging
import shutil
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import keras

from framework.config import dump_config, load_config, resolve_config
from framework.data.registry import load_dataset
from framework.errors import RunError
from framework.experiment import run_experiment, start_experiment
from framework.runs import run_directory
from framework.sweeps.trial import PrunedError, Report

# Most sweeps have one data set, whose remarks, and whose download that fails, are said once.
recall_dataset = lru_cache(maxsize=1)(load_dataset)


class MetricWatcher(keras.callbacks.Callback):
    """Reports a metric of every epoch, and ends the training where it is told to.

    Args:
        metric: Its name.
        report: Takes epoch, counted from 1, and metric; tells whether to end the training.
    """

    def __init__(self, metric: str, report: Report) -> None:
        super().__init__()
        self._metric = metric
        self._report = report

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Report.

        Raises:
            PrunedError: The training is to end.
        """
        value = float((logs or {})[self._metric])
        if self._report(epoch + 1, value):
            raise PrunedError(
                f"Pruned after epoch {epoch + 1}: {self._metric} {value:.4g} is worse than the "
                "median of earlier trials."
            )


def run_values(
    values: Mapping[str, Any], directory: Path, metric: str, report: Report | None
) -> None:
    """Bring the run of a config to its end, from wherever it stands.

    It has the bits of a run in a process of its own.

    Args:
        values: The config as plain values.
        directory: The run directory.
        metric: What is reported of every epoch.
        report: To whom.

    Raises:
        PrunedError: The trial is hopeless.
        FrameworkError: As a run raises it.
    """
    config = resolve_config(values, f"trial {directory.name}")
    begun = (directory / "config.json").is_file()
    if begun and dump_config(load_config(directory / "config.json")) != dump_config(config):
        raise RunError(f"{directory} holds another run. Start the sweep in another directory.")
    if run_directory.is_finished(directory):
        return  # Killed between its end and the note of it.
    # Layers are numbered, and memory is given back, as in a process of its own.
    keras.backend.clear_session()
    gc.collect()
    logging.getLogger("tensorflow").addFilter(_drop_advice)
    extra_callbacks = [MetricWatcher(metric, report)] if report else []
    if begun:
        run_directory.reopen_run(directory)
        run_experiment(config, directory, extra_callbacks, with_report=False, obtain=recall_dataset)
    else:
        shutil.rmtree(directory, ignore_errors=True)  # Killed before it had begun.
        start_experiment(
            config,
            directory.name,
            directory,
            extra_callbacks,
            with_report=False,
            obtain=recall_dataset,
        )


def _drop_advice(record: logging.LogRecord) -> bool:
    """Let all pass but the advice to trace less: each trial has a network of its own."""
    return "triggered tf.function retracing" not in record.getMessage()
