"""What happened in the course of a training, read from its history."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from framework.config.catalog import find_better
from framework.config.model import TrainingConfig
from framework.evaluation.report.report_inputs import HistoryRow


@dataclass(frozen=True)
class TrainingSummary:
    """The epochs that a reader of the curves looks for, counted from 1.

    Args:
        monitor: The metric that tells the best epoch, such as `"val_loss"`.
        best: The epoch with the best finite value of `monitor`, the first of equals.
        stopped: The last epoch, where the training ended before the planned ones.
        early_stopping: Whether the config asks for early stopping.
        diverged: The epoch in which the loss was no finite number any more.
        fine_tuning: The first epoch of the second phase.
        planned: The epochs that the config asks for.
        solved: Whether there were no epochs, but a closed form.
    """

    monitor: str
    best: int | None
    stopped: int | None
    early_stopping: bool
    diverged: int | None
    fine_tuning: int | None
    planned: int
    solved: bool = False


def summarize_training(history: Sequence[HistoryRow], config: TrainingConfig) -> TrainingSummary:
    """Find the milestones of a training; an empty history has none."""
    stopping = config.call_backs_conf.get("EarlyStopping")
    monitor = str((stopping or {}).get("monitor", "val_loss"))
    if not any(monitor in row for row in history):
        monitor = "val_loss"
    solved = config.solver is not None
    planned = (
        1 if solved else config.epochs + (config.fine_tuning.epochs if config.fine_tuning else 0)
    )
    last = int(history[-1]["epoch"]) if history else None
    return TrainingSummary(
        monitor=monitor,
        best=_find_best(history, monitor, str((stopping or {}).get("mode", "auto"))),
        stopped=last if last is not None and last < planned else None,
        early_stopping=stopping is not None,
        diverged=next((int(row["epoch"]) for row in history if _is_lost(row)), None),
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
    grows = mode == "max" or (mode != "min" and find_better(monitor) == "higher")
    choose = max if grows else min
    return int(choose(finite, key=lambda row: float(row[monitor]))["epoch"])


def _is_lost(row: HistoryRow) -> bool:
    """Return whether a loss is no finite number; one that was not measured is `None`."""
    losses = (row.get("loss"), row.get("val_loss"))
    return any(loss is not None and not is_finite(loss) for loss in losses)


def is_finite(value: object) -> bool:
    """Tell whether a cell of the history holds a finite number."""
    return isinstance(value, (int, float)) and math.isfinite(value)
