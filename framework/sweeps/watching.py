"""A trial's epochs, as they pass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from framework.sweeps.trials import PrunedError, Report


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
        """Reports.

        Raises:
            PrunedError: The training is to end.
        """
        value = float((logs or {})[self._metric])
        if self._report(epoch + 1, value):
            raise PrunedError(
                f"Pruned after epoch {epoch + 1}: {self._metric} {value:.4g} is worse than the "
                "median of earlier trials."
            )
