"""Several runs side by side: which is better, by how much, and what differs."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from framework.errors import RunError, UsageError
from framework.evaluation.comparison.comparison_figures import plot_accuracies, plot_overlaid_curves
from framework.evaluation.comparison.mcnemar import (
    MOST_RUNS_FULLY_PAIRED,
    McNemarTest,
    compare_pairs,
    format_p_value,
    have_same_images,
)
from framework.evaluation.comparison.reproducibility import (
    describe_reproducibility,
    list_environment_differences,
)
from framework.evaluation.report.data_uri import embed_figure
from framework.evaluation.report.templating import (
    format_number,
    format_percent,
    render_template,
)
from framework.runs.records import (
    MISSING,
    RunRecord,
    find_common_parent,
    find_runs,
    list_differences,
    load_runs,
)
from framework.utils.files import write_text
from framework.utils.text import format_duration

_VALUE_WIDTH = 32


@dataclass(frozen=True)
class Column:
    """A figure that the runs are compared by.

    Args:
        name: Its name in `comparison.csv`.
        title: Its name for people.
        read: Reads it from a run; `None` where the run lacks it.
        show: Writes it for people.
        best: Which value is the best; `None` where none is.
    """

    name: str
    title: str
    read: Callable[[RunRecord], float | None]
    show: Callable[[float], str]
    best: Callable[[Sequence[float]], float] | None


def _average_f1(run: RunRecord) -> float:
    scores = run.metrics["test"]["per_class"].values()
    return float(sum(row["f1"] for row in scores) / len(scores))


COLUMNS = (
    Column("test_accuracy", "test accuracy", lambda run: run.metrics["test"]["accuracy"],
           format_percent, max),
    Column("test_loss", "test loss", lambda run: run.metrics["test"]["loss"], format_number, min),
    Column("test_macro_f1", "macro f1", _average_f1, format_number, max),
    Column("validation_accuracy", "val. accuracy",
           lambda run: run.metrics["validation"]["accuracy"], format_percent, max),
    Column("trainable_parameters", "trainable", lambda run: run.metrics["parameters"]["trainable"],
           format_number, min),
    Column("epochs", "epochs", lambda run: len(run.history) or None, format_number, None),
    Column("seconds", "time", lambda run: sum(run.metrics["timing"].values()), format_duration,
           min),
)  # fmt: skip


def compare_runs(paths: Sequence[Path], output: Path | None = None) -> str:
    """Compare finished runs, and write `comparison.csv` and `comparison.html`.

    Args:
        paths: Run directories, or folders that hold some.
        output: Where to write; by default the folder that all the runs lie in.

    Returns:
        The comparison for the console.

    Raises:
        UsageError: Fewer than two finished runs.
        RunError: A run can't be read, or a file can't be written.
    """
    directories = find_runs(paths)
    if len(directories) < 2:
        raise UsageError(f"compare: {directories[0]} is one run. Name at least two.")
    runs = sorted(load_runs(directories), key=lambda run: -run.metrics["test"]["accuracy"])
    folder = output or find_common_parent(directories)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(
            f"{folder}: cannot be made: {error.strerror}. Choose another place with --output."
        ) from error
    pairings = compare_pairs(runs)
    write_text(folder / "comparison.csv", format_csv(runs))
    write_text(folder / "comparison.html", render_comparison(runs, pairings))
    return f"{format_console(runs, pairings)}\n\nLook at {folder / 'comparison.html'}"


def find_best(runs: Sequence[RunRecord], column: Column) -> float | None:
    """Return the best value of a column; `None` where there is none to mark."""
    values = [value for value in map(column.read, runs) if value is not None]
    if column.best is None or len(set(values)) < 2:
        return None
    return column.best(values)


def is_best(run: RunRecord, column: Column, best: float | None) -> bool:
    """Return whether a run has the best value of a column, as `find_best` returns it."""
    return best is not None and column.read(run) == best


def show_cell(run: RunRecord, column: Column) -> str:
    """Return a figure of a run for people."""
    value = column.read(run)
    return MISSING if value is None else column.show(value)


def find_warnings(runs: Sequence[RunRecord]) -> list[str]:
    """List what makes the runs' figures hard to compare."""
    first = runs[0]
    apart = [run.name for run in runs[1:] if not have_same_images(first, run)]
    if not apart:
        return []
    return [
        f"Tested on other images than {first.name}, so that accuracies are not comparable: "
        f"{', '.join(apart)}."
    ]


def format_csv(runs: Sequence[RunRecord]) -> str:
    """Return the figures, and the keys of the config that differ, as CSV."""
    differences = list_differences([run.config for run in runs])
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["run", "subject", *(column.name for column in COLUMNS), "low", "high", *differences]
    )
    for place, run in enumerate(runs):
        figures = ["" if (cell := c.read(run)) is None else cell for c in COLUMNS]
        interval = run.metrics["test"]["accuracy_interval"]
        values = [row[place] for row in differences.values()]
        writer.writerow([run.name, run.subject, *figures, *interval, *values])
    return text.getvalue()


def format_console(runs: Sequence[RunRecord], pairings: Sequence[McNemarTest]) -> str:
    """Return the comparison as text: figures, differences, test against the best."""
    names = [run.name for run in runs]
    parts = [
        _format_figures(runs),
        _format_differences("config", names, list_differences([run.config for run in runs])),
        _format_differences("environment", names, list_environment_differences(runs)),
        *describe_reproducibility(runs),
        _format_tests(runs[0].name, pairings),
        *find_warnings(runs),
    ]
    return "\n\n".join(part for part in parts if part)


def _format_figures(runs: Sequence[RunRecord]) -> str:
    rows = [["run", *(column.title for column in COLUMNS)]]
    best = [find_best(runs, column) for column in COLUMNS]
    for run in runs:
        cells = [
            show_cell(run, column) + ("*" if is_best(run, column, top) else "")
            for column, top in zip(COLUMNS, best, strict=True)
        ]
        rows.append([run.name, *cells])
    return f"{_align(rows)}\n\n* the best of its column"


def _format_differences(
    what: str, names: Sequence[str], differences: Mapping[str, Sequence[str]]
) -> str:
    if not differences:
        return ""
    rows = [[key, *map(_cut, cells)] for key, cells in differences.items()]
    return f"Differences in {what}\n{_align([['', *names], *rows])}"


def _format_tests(best: str, pairings: Sequence[McNemarTest]) -> str:
    tests = [pairing for pairing in pairings if pairing.first == best]
    if not tests:
        return ""
    rows = [
        [test.second, str(test.only_second), str(test.only_first), format_p_value(test.p_value)]
        for test in tests
    ]
    table = _align([["run", "only it right", "only the best right", "p"], *rows])
    return f"McNemar's exact test against {best}\n{table}"


def _cut(text: str) -> str:
    return text if len(text) <= _VALUE_WIDTH else text[: _VALUE_WIDTH - 1] + "…"


def _align(rows: Sequence[Sequence[str]]) -> str:
    """Lay a table out: the first column to the left, figures to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        first, *others = (
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        lines.append("  ".join([first, *others]).rstrip())
    return "\n".join(lines)


def render_comparison(runs: Sequence[RunRecord], pairings: Sequence[McNemarTest]) -> str:
    """Render the page: HTML that needs no other file and no network."""
    accuracies = {
        run.name: (run.metrics["test"]["accuracy"], *run.metrics["test"]["accuracy_interval"])
        for run in runs
    }
    figures = (
        plot_accuracies(accuracies),
        plot_overlaid_curves({run.name: run.history for run in runs}),
    )
    best = [find_best(runs, column) for column in COLUMNS]
    return render_template(
        "comparison.html",
        runs=runs,
        columns=COLUMNS,
        rows=[
            [
                {"value": c.read(run), "text": show_cell(run, c), "best": is_best(run, c, top)}
                for c, top in zip(COLUMNS, best, strict=True)
            ]
            for run in runs
        ],
        pictures=[
            {
                "uri": embed_figure(figure),
                "title": figure.texts[0].get_text(),
                "alt": figure.texts[1].get_text(),
            }
            for figure in figures
        ],
        differences=list_differences([run.config for run in runs]),
        surroundings=list_environment_differences(runs),
        repeats=describe_reproducibility(runs),
        pairings=[(pairing, format_p_value(pairing.p_value)) for pairing in pairings],
        all_paired=len(runs) <= MOST_RUNS_FULLY_PAIRED,
        warnings=find_warnings(runs),
    )
