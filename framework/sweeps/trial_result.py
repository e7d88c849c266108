"""The result of a trial, and the metric that decides between trials."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from framework.config.catalog import find_better
from framework.errors import RunError
from framework.runs.records import load_runs
from framework.utils.files import read_json

Report = Callable[[int, float], bool]
"""Takes an epoch, counted from 1, and its metric; returns whether to prune the trial."""

FINAL_METRICS = {"val_loss": "loss", "val_accuracy": "accuracy"}
"""Metrics that `metrics.json` has of the finished classifier."""


@dataclass(frozen=True)
class TrialResult:
    """How a trial ended.

    Args:
        state: `"complete"`, `"pruned"` or `"failed"`.
        value: The metric of a complete trial.
        message: Why it is not complete.
    """

    state: Literal["complete", "pruned", "failed"]
    value: float | None = None
    message: str = ""


def is_minimized(metric: str) -> bool:
    """Return whether lower values of a metric are better."""
    return find_better(metric) == "lower"


def read_metric(directory: Path, metric: str) -> float:
    """Read a metric of a finished run.

    Returns:
        That of the finished classifier, where `metrics.json` has it; else that of the
        best epoch.

    Raises:
        RunError: The run does not have it.
    """
    if metric in FINAL_METRICS:
        scores = read_json(directory / "metrics.json")["validation"]
        return float(scores[FINAL_METRICS[metric]])
    history = load_runs([directory])[0].history
    values: list[float] = [row[metric] for row in history if isinstance(row.get(metric), float)]
    if not values:
        raise RunError(f"{directory / 'history.csv'} has no {metric}.")
    return min(values) if is_minimized(metric) else max(values)
