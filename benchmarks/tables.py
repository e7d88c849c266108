"""Tables of measurements: for the eye, for programs, and for the documentation."""

import csv
import io
import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from framework.utils.files import write_text

RESULTS = Path(__file__).parents[1] / "results" / "benchmarks"


def format_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return a Markdown table; the first row's keys are the columns."""
    columns = list(rows[0])
    cells = [columns, *[[_format_cell(row[column]) for column in columns] for row in rows]]
    widths = [max(len(line[place]) for line in cells) for place in range(len(columns))]
    lines = [
        "| "
        + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        + " |"
        for line in cells
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def _format_cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return str(value)


def report(name: str, rows: Sequence[Mapping[str, Any]], notes: str) -> None:
    """Print a table, and write it to `results/benchmarks/` as CSV and Markdown.

    Args:
        name: Of the files, without an ending.
        rows: The table.
        notes: How it was measured.
    """
    text = f"{format_table(rows)}\n\n{notes} {describe_machine()}\n"
    print(text)
    RESULTS.mkdir(parents=True, exist_ok=True)
    write_text(RESULTS / f"{name}.md", text)
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(RESULTS / f"{name}.csv", stream.getvalue())


def describe_machine() -> str:
    """Return versions, cores and how busy the machine is, in a sentence."""
    return (
        f"Keras {version('keras')}, TensorFlow {version('tensorflow')}, Python "
        f"{platform.python_version()}, {os.cpu_count()} cores; load average of the last "
        f"15 minutes {os.getloadavg()[2]:.1f}."
    )
