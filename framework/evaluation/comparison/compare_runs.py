"""Compare runs: which is better, by how much, and what differs between them."""

import os
from collections.abc import Sequence
from pathlib import Path

from framework.errors import RunError, UsageError
from framework.evaluation.comparison.comparison import Comparison, make_comparison
from framework.evaluation.comparison.comparison_figures import plot_accuracies, plot_overlaid_curves
from framework.evaluation.comparison.console_text import format_console
from framework.evaluation.comparison.mcnemar import MAX_RUNS_FULLY_PAIRED, format_p_value
from framework.evaluation.comparison.metrics_table import COLUMNS
from framework.evaluation.figures.style import render_png
from framework.evaluation.report.data_uri import encode_image
from framework.evaluation.report.templating import render_template
from framework.runs.records import find_common_parent, find_runs, load_runs
from framework.utils.files import write_text
from framework.utils.tables import ConsoleText, format_csv


def compare_runs(
    paths: Sequence[Path], output: Path | None = None, order: str | None = None
) -> ConsoleText:
    """Compare finished runs, and write `comparison.csv` and `comparison.html`.

    Args:
        paths: Run directories, or folders that contain some.
        output: Where to write; by default the nearest folder that contains all the runs.
        order: What `paths` are ordered by, the best first, such as a sweep's metric; by default
            they are ordered by test accuracy.

    Returns:
        The comparison for the console.

    Raises:
        UsageError: Fewer than two finished runs.
        RunError: A run can't be read, or a file can't be written.
    """
    directories = find_runs(paths)
    if len(directories) < 2:
        raise UsageError(f"compare: {directories[0]} is one run. Name at least two.")
    comparison = make_comparison(load_runs(directories), order)
    folder = output or find_common_parent(directories)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(
            f"{folder}: cannot be made: {error.strerror}. Choose another place with --output."
        ) from error
    write_text(folder / "comparison.csv", _format_csv(comparison))
    write_text(folder / "comparison.html", _render_page(comparison, folder))
    return ConsoleText(
        *format_console(comparison).parts,
        f"\nLook at {folder / 'comparison.html'}",
        separator="\n",
    )


def _format_csv(comparison: Comparison) -> str:
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


def _render_page(comparison: Comparison, folder: Path) -> str:
    """Render the page: HTML that needs no other file and no network."""
    accuracies = {
        run.name: (run.metrics["test"]["accuracy"], *run.metrics["test"]["accuracy_interval"])
        for run in comparison.runs
    }
    figures = (
        plot_accuracies(accuracies),
        plot_overlaid_curves({run.name: run.history for run in comparison.runs}),
    )
    reports = {
        run.name: Path(os.path.relpath(report.resolve(), folder.resolve())).as_posix()
        for run in comparison.runs
        if (report := run.directory / "report.html").is_file()
    }
    return render_template(
        "comparison.html",
        comparison=comparison,
        columns=COLUMNS,
        reports=reports,
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
