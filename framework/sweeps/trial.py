"""One trial: an ordinary run, in this process or in any other."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from framework.config.catalog import find_better
from framework.config.reserved_files import UNFINISHED
from framework.errors import FrameworkError, InterruptedRunError, RunError
from framework.runs.records import load_runs
from framework.utils.files import read_json, write_text
from framework.utils.native_logs import start_tensorflow

logger = logging.getLogger(__name__)

Report = Callable[[int, float], bool]
"""Takes an epoch, counted from 1, and its metric; tells whether to end the trial."""

MEASURED_AT_THE_END = {"val_loss": "loss", "val_accuracy": "accuracy"}
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


class PrunedError(Exception):
    """A trial is hopeless."""


def is_minimized(metric: str) -> bool:
    """Return whether less of a metric is better."""
    return find_better(metric) == "lower"


def run_trial(
    values: Mapping[str, Any], directory: Path, metric: str, report: Report | None = None
) -> TrialResult:
    """Run a trial, or go on with one that was interrupted; it needs nothing but this.

    Args:
        values: The config as plain values.
        directory: The run directory. One that holds the finished run already is left alone.
        metric: What decides: `val_accuracy` and the like.
        report: Is told of every epoch.

    Raises:
        InterruptedRunError: The user stopped it.
    """
    start_tensorflow()
    from framework.sweeps.trial_run import run_values  # Outside: its errors are no trial's.

    try:
        run_values(values, directory, metric, report)
        return TrialResult("complete", read_value(directory, metric))
    except PrunedError as reason:
        write_text(directory / UNFINISHED, f"{reason}\n")
        return TrialResult("pruned", message=str(reason))
    except InterruptedRunError:
        raise
    except (FrameworkError, OSError) as error:
        return TrialResult("failed", message=str(error))
    # Whatever a library stumbles over in one trial must not cost the others.
    except Exception as error:
        logger.debug("%s", directory, exc_info=True)
        return TrialResult("failed", message=f"{type(error).__name__}: {error}")


def read_value(directory: Path, metric: str) -> float:
    """Read a metric of a finished run.

    Returns:
        That of the finished classifier, where `metrics.json` has it; else that of the
        best epoch.

    Raises:
        RunError: The run does not have it.
    """
    if metric in MEASURED_AT_THE_END:
        scores = read_json(directory / "metrics.json")["validation"]
        return float(scores[MEASURED_AT_THE_END[metric]])
    history = load_runs([directory])[0].history
    values = [row[metric] for row in history if isinstance(row.get(metric), float)]
    if not values:
        raise RunError(f"{directory / 'history.csv'} has no {metric}.")
    return min(values) if is_minimized(metric) else max(values)
