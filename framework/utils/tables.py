"""Tables as text: CSV for programs, aligned columns for the console."""

import csv
import io
from collections.abc import Container, Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from framework.utils.text import truncate

LONGEST_LINE = 120


def format_csv(header: Sequence[str], rows: Iterable[Iterable[Any]]) -> str:
    """Return a table as CSV with Unix newlines; `None` is an empty cell."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return stream.getvalue()


def format_table(
    rows: Iterable[Sequence[str]],
    right: Container[int] = (),
    longest_line: int | None = LONGEST_LINE,
) -> str:
    """Return rows as aligned columns, without colors or lines.

    Args:
        rows: The cells; the header, if any, is the first row.
        right: The numbers of the columns to align right, from 0.
        longest_line: Where to cut lines, in characters; `None` keeps them whole.
    """
    table = Table.grid(padding=(0, 2, 0, 0))
    for row in rows:
        cells = (
            Text(cell, justify="right" if i in right else "left") for i, cell in enumerate(row)
        )
        table.add_row(*cells)
    # As wide as the table, wherever the output goes.
    console = Console(file=io.StringIO(), width=1_000_000, color_system=None)
    with console.capture() as capture:
        console.print(table)
    lines = [line.rstrip() for line in capture.get().splitlines()]
    if longest_line is not None:
        lines = [truncate(line, longest_line, " ...") for line in lines]
    return "\n".join(lines)
