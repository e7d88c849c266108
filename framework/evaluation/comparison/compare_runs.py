"""Compare runs: which is better, by how much, and what differs between them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from framework.errors import RunError, UsageError
from framework.evaluation.comparison.comparison_figures import plot_accuracies, plot_overlaid_curves
from framework.evaluation.comparison.mcnemar import (
    MAX_RUNS_FULLY_PAIRED,
    McNemarTest,
    compare_pairs,
    format_p_value,
    have_same_images,
)
from framework.evaluation.comparison.metrics_table import COLUMNS, Cell, make_metrics_table
from framework.evaluation.comparison.reproducibility import (
    describe_reproducibility,
    list_environment_differences,
)
from framework.evaluation.figures.style import render_png
from framework.evaluation.report.data_uri import encode_image
from framework.evaluation.report.templating import render_template
from framework.runs.records import (
    RunRecord,
    find_common_parent,
    find_runs,
    list_differences,
    load_runs,
)
from framework.utils.files import write_text
from framework.utils.tables import format_csv, format_table
from framework.utils.text import truncate

_VALUE_WIDTH = 32


@dataclass(frozen=True)
class _Comparison:
    """Everything that the CSV file, the console and the page show.

    Args:
        runs: The runs, the best first.
        cells: A row for each run, with a cell for each of `COLUMNS`.
        config: Key of the config -> its values in the runs; only those that differ.
        environment: The same of the environments.
        reproducibility: Sentences about runs with the same config and data.
        tests: McNemar's test for pairs of runs.
        warnings: What makes the runs hard to compare.
    """

    runs: Sequence[RunRecord]
    cells: Sequence[Sequence[Cell]]
    config: Mapping[str, Sequence[str]]
    environment: Mapping[str, Sequence[str]]
    reproducibility: Sequence[str]
    tests: Sequence[McNemarTest]
    warnings: Sequence[str]


def compare_runs(paths: Sequence[Path], output: Path | None = None) -> str:
    """Compare finished runs, and write `comparison.csv` and `comparison.html`.

    Args:
        paths: Run directories, or folders that contain some.
        output: Where to write; by default the nearest folder that contains all the runs.

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
    comparison = _Comparison(
        runs=runs,
        cells=make_metrics_table(runs),
        config=list_differences([run.config for run in runs]),
        environment=list_environment_differences(runs),
        reproducibility=describe_reproducibility(runs),
        tests=compare_pairs(runs),
        warnings=_find_warnings(runs),
    )
    write_text(folder / "comparison.csv", _format_csv(comparison))
    write_text(folder / "comparison.html", _render_page(comparison))
    return f"{_format_console(comparison)}\n\nLook at {folder / 'comparison.html'}"


def _find_warnings(runs: Sequence[RunRecord]) -> list[str]:
    best = runs[0]
    others = [run.name for run in runs[1:] if not have_same_images(best, run)]
    if not others:
        return []
    return [
        f"Tested on other images than {best.name}, so that accuracies are not comparable: "
        f"{', '.join(others)}."
    ]


def _format_csv(comparison: _Comparison) -> str:
    header = ["run", "subject", *(column.name for column in COLUMNS), "low", "high"]
    differences = list(zip(*comparison.config.values(), strict=True)) or [()] * len(comparison.runs)
    rows = [
        [
            run.name,
            run.subject,
            *(cell.value for cell in cells),
            *run.metrics["test"]["accuracy_interval"],
            *values,
        ]
        for run, cells, values in zip(comparison.runs, comparison.cells, differences, strict=True)
    ]
    return format_csv([*header, *comparison.config], rows)


def _format_console(comparison: _Comparison) -> str:
    """Return the comparison as text: metrics, differences, tests against the best run."""
    names = [run.name for run in comparison.runs]
    parts = [
        _format_metrics(comparison),
        _format_differences("config", names, comparison.config),
        _format_differences("environment", names, comparison.environment),
        *comparison.reproducibility,
        _format_tests(names[0], comparison.tests),
        *comparison.warnings,
    ]
    return "\n\n".join(part for part in parts if part)


def _format_metrics(comparison: _Comparison) -> str:
    header = ["run", *(column.title for column in COLUMNS)]
    rows = [
        [run.name, *(cell.text + ("*" if cell.best else "") for cell in cells)]
        for run, cells in zip(comparison.runs, comparison.cells, strict=True)
    ]
    return f"{_format_rows([header, *rows])}\n\n* the best of its column"


def _format_differences(
    what: str, names: Sequence[str], differences: Mapping[str, Sequence[str]]
) -> str:
    if not differences:
        return ""
    rows = [
        [key, *(truncate(value, _VALUE_WIDTH) for value in values)]
        for key, values in differences.items()
    ]
    return f"Differences in {what}\n{_format_rows([['', *names], *rows])}"


def _format_tests(best: str, tests: Sequence[McNemarTest]) -> str:
    rows = [
        [test.second, str(test.only_second), str(test.only_first), format_p_value(test.p_value)]
        for test in tests
        if test.first == best
    ]
    if not rows:
        return ""
    header = ["run", "only it right", "only the best right", "p"]
    return f"McNemar's exact test against {best}\n{_format_rows([header, *rows])}"


def _format_rows(rows: Sequence[Sequence[str]]) -> str:
    return format_table(rows, right=range(1, len(rows[0])), longest_line=None)


def _render_page(comparison: _Comparison) -> str:
    """Render the page: HTML that needs no other file and no network."""
    accuracies = {
        run.name: (run.metrics["test"]["accuracy"], *run.metrics["test"]["accuracy_interval"])
        for run in comparison.runs
    }
    figures = (
        plot_accuracies(accuracies),
        plot_overlaid_curves({run.name: run.history for run in comparison.runs}),
    )
    return render_template(
        "comparison.html",
        comparison=comparison,
        columns=COLUMNS,
        figures=[
            {
                "uri": encode_image(render_png(figure)),
                "alt": ": ".join(t.get_text() for t in figure.texts[:2]),
            }
            for figure in figures
        ],
        format_p_value=format_p_value,
        all_paired=len(comparison.runs) <= MAX_RUNS_FULLY_PAIRED,
    )
