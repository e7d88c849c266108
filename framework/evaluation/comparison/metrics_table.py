"""The table of metrics that runs are compared by."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from framework.evaluation.comparison.mcnemar import have_same_images
from framework.evaluation.report.templating import format_number, format_percent
from framework.runs.records import MISSING, RunRecord
from framework.utils.text import format_duration


@dataclass(frozen=True)
class Column:
    """A value that runs are compared by.

    Args:
        name: Its name in `comparison.csv`.
        title: Its name for people.
        read: Reads it from a run; `None` where the run lacks it.
        format: Formats it for people.
        best: `max` or `min`; `None` where no value is better than another.
        needs: What the runs must share for one to be the best: the test images, or the loss, too.
    """

    name: str
    title: str
    read: Callable[[RunRecord], float | None]
    format: Callable[[float], str]
    best: Callable[[Sequence[float]], float] | None
    needs: Literal["nothing", "images", "loss"] = "images"


@dataclass(frozen=True)
class Cell:
    """A value of a run.

    Args:
        value: As the run's files have it; `None` where the run lacks it.
        text: For people.
        best: Whether it is the best of its column.
    """

    value: float | None
    text: str
    best: bool


def _read_macro_f1(run: RunRecord) -> float:
    per_class = run.metrics["test"]["per_class"].values()
    return float(sum(row["f1"] for row in per_class) / len(per_class))


COLUMNS = (
    Column("test_accuracy", "test accuracy", lambda run: run.metrics["test"]["accuracy"],
           format_percent, max),
    Column("test_loss", "test loss", lambda run: run.metrics["test"]["loss"],
           format_number, min, "loss"),
    Column("test_macro_f1", "macro f1", _read_macro_f1, format_number, max),
    Column("validation_accuracy", "val. accuracy",
           lambda run: run.metrics["validation"]["accuracy"], format_percent, max),
    Column("trainable_parameters", "trainable", lambda run: run.metrics["parameters"]["trainable"],
           format_number, min, "nothing"),
    Column("epochs", "epochs", lambda run: len(run.history) or None, format_number, None),
    Column("seconds", "time", lambda run: sum(run.metrics["timing"].values()), format_duration,
           min),
)  # fmt: skip


def make_metrics_table(runs: Sequence[RunRecord]) -> list[list[Cell]]:
    """Return a row of cells for each run, with a cell for each of `COLUMNS`."""
    shared = {"nothing"}
    if all(have_same_images(runs[0], run) for run in runs[1:]):
        shared.add("images")
        losses = {json.dumps(run.config.get("training_config", {}).get("loss")) for run in runs}
        if len(losses) == 1:
            shared.add("loss")
    columns = [_make_cells(runs, column, column.needs in shared) for column in COLUMNS]
    return [list(row) for row in zip(*columns, strict=True)]


def _make_cells(runs: Sequence[RunRecord], column: Column, comparable: bool) -> list[Cell]:
    values = [column.read(run) for run in runs]
    known = [value for value in values if value is not None]
    # Of equal values none is the best.
    best = column.best(known) if comparable and column.best and len(set(known)) > 1 else None
    return [
        Cell(
            value,
            text=MISSING if value is None else column.format(value),
            best=best is not None and value == best,
        )
        for value in values
    ]
