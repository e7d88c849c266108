"""A comparison of runs for the console, readable with two runs as with fifty."""

from collections import Counter
from collections.abc import Sequence

from framework.evaluation.comparison.comparison import Comparison, Differences
from framework.evaluation.comparison.mcnemar import format_p_value
from framework.evaluation.comparison.metrics_table import COLUMNS
from framework.runs.records import MISSING
from framework.utils.tables import BEST, ConsoleText, TextTable
from framework.utils.text import shorten

MAX_RUNS = 20
"""Rows of a table of runs; comparison.html has all."""

MAX_RUNS_AS_COLUMNS = 4
"""More do not fit beside each other: values are counted."""

MAX_VALUES = 4
"""How many values of a key are listed where they are counted."""

MAX_KEYS = 25
_VALUE_WIDTH = 32


def format_console(comparison: Comparison) -> ConsoleText:
    """Return metrics, differences, and tests against the best run."""
    names = [run.name for run in comparison.runs]
    return ConsoleText(
        *_format_metrics(comparison),
        *_format_differences("config", names, comparison.summary),
        *_format_differences("environment", names, comparison.environment),
        *comparison.reproducibility,
        *_format_tests(names[0], comparison),
        *comparison.warnings,
        separator="\n",
    )


def _format_metrics(comparison: Comparison) -> list[str | TextTable]:
    rows = [["run", *(column.title for column in COLUMNS)]]
    rows += [
        [run.name, *(cell.text + (BEST if cell.best else "") for cell in cells)]
        for run, cells in zip(comparison.runs, comparison.cells, strict=True)
    ][:MAX_RUNS]
    legend = f"\nordered by {comparison.order}; {BEST} the best of its column"
    return [_make_table(rows), _count_rest(len(comparison.runs) - MAX_RUNS, "runs"), legend]


def _format_differences(
    what: str, names: Sequence[str], differences: Differences
) -> list[str | TextTable]:
    if not differences:
        return []
    shown = dict(list(differences.items())[:MAX_KEYS])
    rest = _count_rest(len(differences) - MAX_KEYS, "keys")
    if len(names) > MAX_RUNS_AS_COLUMNS:
        rows = [[key, _count_values(values)] for key, values in shown.items()]
        table = TextTable([["", "values, by how many runs have them"], *rows], longest_line=None)
    else:
        cells = [[key, *map(_format_value, values)] for key, values in shown.items()]
        table = _make_table([["", *names], *cells])
    return [f"\nDifferences in {what}", table, rest]


def _format_value(value: str | None) -> str:
    return MISSING if value is None else shorten(value, _VALUE_WIDTH)


def _count_values(values: Sequence[str | None]) -> str:
    counts = Counter(values).most_common()
    listed = [f"{_format_value(value)} ({count})" for value, count in counts[:MAX_VALUES]]
    more = len(counts) - MAX_VALUES
    return ", ".join(listed) + (f" and {more} other values" if more > 0 else "")


def _format_tests(best: str, comparison: Comparison) -> list[str | TextTable]:
    rows = [
        [test.second, str(test.only_second), str(test.only_first), format_p_value(test.p_value)]
        for test in comparison.tests
        if test.first == best
    ]
    if not rows:
        return []
    header = ["run", "only it right", "only the best right", "p"]
    table = _make_table([header, *rows[:MAX_RUNS]])
    rest = _count_rest(len(rows) - MAX_RUNS, "runs")
    return [f"\nMcNemar's exact test against {best}", table, rest]


def _make_table(rows: Sequence[Sequence[str]]) -> TextTable:
    return TextTable(rows, right=range(1, len(rows[0])), longest_line=None)


def _count_rest(count: int, what: str) -> str:
    return f"... and {count} more {what} in comparison.html" if count > 0 else ""
