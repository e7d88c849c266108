"""What a comparison of runs shows: on the console, in a table for programs, and on a page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from framework.evaluation.comparison.mcnemar import McNemarTest, compare_pairs, have_same_images
from framework.evaluation.comparison.metrics_table import Cell, make_metrics_table
from framework.evaluation.comparison.reproducibility import (
    describe_reproducibility,
    list_environment_differences,
)
from framework.runs.records import RunRecord, list_differences
from framework.utils.text import name_some

TEST_ACCURACY = "test accuracy"
"""What runs are ordered by, unless something else has decided."""

Differences = Mapping[str, Sequence[str | None]]
"""Key -> its value in each run, `None` where a run lacks it."""


@dataclass(frozen=True)
class Comparison:
    """Everything that the CSV file, the console and the page show.

    Args:
        runs: The runs, the best first.
        order: What the best is the best of.
        cells: A row for each run, with a cell for each of `COLUMNS`.
        config: Where the configs differ, key by key.
        summary: The same for people: a layer of the top is one value.
        environment: Where the environments differ.
        reproducibility: Sentences about runs with the same config and data.
        tests: McNemar's test for pairs of runs.
        warnings: What makes the runs hard to compare.
    """

    runs: Sequence[RunRecord]
    order: str
    cells: Sequence[Sequence[Cell]]
    config: Differences
    summary: Differences
    environment: Differences
    reproducibility: Sequence[str]
    tests: Sequence[McNemarTest]
    warnings: Sequence[str]


def make_comparison(runs: Sequence[RunRecord], order: str | None = None) -> Comparison:
    """Compare runs.

    Args:
        runs: Any runs; the best first if `order` is given.
        order: What they are ordered by; by default they are brought into the order of their
            test accuracies.
    """
    if order is None:
        runs = sorted(runs, key=lambda run: -run.metrics["test"]["accuracy"])
    return Comparison(
        runs=runs,
        order=order or TEST_ACCURACY,
        cells=make_metrics_table(runs),
        config=list_differences([run.config for run in runs]),
        summary=list_differences([_summarize(run.config) for run in runs]),
        environment=list_environment_differences(runs),
        reproducibility=describe_reproducibility(runs),
        tests=compare_pairs(runs),
        warnings=_find_warnings(runs),
    )


def _summarize(value: Any) -> Any:
    """Return nested values in which a layer, and a serialized Keras object, is one text."""
    match value:
        case {"layer_type": str(kind), "initializing_parameters": dict(arguments), **rest}:
            reads = rest.get("input_layer")
            shown = ", ".join(f"{key}={item!r}" for key, item in arguments.items())
            return f"{kind}({shown})" + (f" on {reads}" if reads else "")
        case {"class_name": str(kind), "config": dict(arguments)}:
            return f"{kind}({', '.join(f'{key}={item!r}' for key, item in arguments.items())})"
        case dict():
            return {key: _summarize(item) for key, item in value.items()}
    return value


def _find_warnings(runs: Sequence[RunRecord]) -> list[str]:
    best = runs[0]
    others = [run.name for run in runs[1:] if not have_same_images(best, run)]
    if not others:
        return []
    return [
        f"Tested on other images than {best.name}, so that accuracies are not comparable: "
        f"{name_some(others)}."
    ]
