"""The epochs that mattered in a training, read from its history."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from framework.config.catalog import find_better
from framework.config.model import TrainingConfig

HistoryRow = Mapping[str, Any]
"""One epoch of `history.csv`: `epoch` from 1, metrics by name, optionally `phase`."""


@dataclass(frozen=True)
class TrainingSummary:
    """The epochs that learning curves mark, counted from 1; `None` where there is no such epoch.

    Args:
        monitor: The metric that decides which epoch is best, such as `"val_loss"`.
        best: The epoch with the best finite value of `monitor`, the first of equals.
        stopped: The last epoch, where the training ended before the planned ones.
        early_stopping: Whether the config asks for early stopping.
        diverged: The epoch in which the loss stopped being a finite number.
        fine_tuning: The first epoch of the second phase.
        planned: The number of epochs that the config asks for.
        solved: Whether the top was solved in closed form, without epochs.
        model: The epoch that the model is of.
    """

    monitor: str
    best: int | None
    stopped: int | None
    early_stopping: bool
    diverged: int | None
    fine_tuning: int | None
    planned: int
    solved: bool = False
    model: int | None = None


def summarize_training(history: Sequence[HistoryRow], config: TrainingConfig) -> TrainingSummary:
    """Find the best epoch, the phases and the end of a training; the history may be empty."""
    early_stopping = config.call_backs_conf.get("EarlyStopping")
    options = early_stopping or {}
    monitor = str(options.get("monitor", "val_loss"))
    if not any(monitor in row for row in history):
        monitor = "val_loss"
    solved = config.solver is not None
    planned = config.epochs + (config.fine_tuning.epochs if config.fine_tuning else 0)
    if solved:
        planned = 1
    last = int(history[-1]["epoch"]) if history else planned
    return TrainingSummary(
        monitor=monitor,
        best=_find_best(history, monitor, str(options.get("mode", "auto"))),
        stopped=last if last < planned else None,
        early_stopping=early_stopping is not None,
        diverged=next((int(row["epoch"]) for row in history if _has_diverged(row)), None),
        fine_tuning=next(
            (int(row["epoch"]) for row in history if row.get("phase") == "fine_tuning"), None
        ),
        planned=planned,
        solved=solved,
    )


def _find_best(history: Sequence[HistoryRow], monitor: str, mode: str) -> int | None:
    finite = [row for row in history if is_finite(row.get(monitor))]
    if not finite:
        return None
    maximize = mode == "max" or (mode != "min" and find_better(monitor) == "higher")
    choose = max if maximize else min
    return int(choose(finite, key=lambda row: float(row[monitor]))["epoch"])


def _has_diverged(row: HistoryRow) -> bool:
    """Return whether a loss is not a finite number; a loss that was not measured is `None`."""
    losses = (row.get("loss"), row.get("val_loss"))
    return any(loss is not None and not is_finite(loss) for loss in losses)


def is_finite(value: object) -> bool:
    """Return whether a cell of the history holds a finite number."""
    return isinstance(value, (int, float)) and math.isfinite(value)
