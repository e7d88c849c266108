"""Tables as text: CSV for programs, aligned columns for the console."""

import csv
import io
import shutil
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

from rich.console import Console
from rich.table import Table
from rich.text import Text

from framework.utils.text import truncate

LONGEST_LINE = 120
BEST = "*"
"""Ends a cell that stands out."""


def format_csv(header: Sequence[str], rows: Iterable[Iterable[Any]]) -> str:
    """Return a table as CSV with Unix newlines; `None` is an empty cell."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return stream.getvalue()


@dataclass(frozen=True)
class TextTable:
    """Aligned columns.

    Args:
        rows: The cells.
        right: The numbers of the columns to align right, from 0.
        longest_line: Where to cut lines, in characters; `None` keeps them whole.
        header: Whether the first row is one. On a terminal it stands out, and so do cells that
            end in `BEST`.
        indent: Spaces before each line.
    """

    rows: Sequence[Sequence[str]]
    right: Container[int] = ()
    longest_line: int | None = LONGEST_LINE
    header: bool = True
    indent: int = 0

    def __str__(self) -> str:
        # As wide as the table, wherever the output goes.
        lines = _print(self.arrange(), 1_000_000, colored=False).splitlines()
        lines = [line.rstrip() for line in lines]
        if self.longest_line is not None:
            lines = [truncate(line, self.longest_line, " ...") for line in lines]
        return "\n".join(lines)

    def arrange(self) -> Table:
        """Return the table as rich prints it."""
        table = Table.grid(padding=(0, 2, 0, 0))
        for number, row in enumerate(self.rows):
            style = "bold" if self.header and number == 0 else ""
            cells = [
                Text(
                    " " * (self.indent if i == 0 else 0) + cell,
                    style="bold green" if cell.endswith(BEST) and cell != BEST else style,
                    justify="right" if i in self.right else "left",
                )
                for i, cell in enumerate(row)
            ]
            table.add_row(*cells)
        return table


class ConsoleText(str):
    """Texts and tables, one below the other, as plain text; a terminal shows them in color.

    Args:
        parts: The texts and tables; empty texts are left out.
        separator: What is between them.
    """

    parts: Sequence[str | TextTable]
    _separator: str

    def __new__(cls, *parts: str | TextTable, separator: str = "\n\n") -> Self:
        """Join the parts."""
        kept = [part for part in parts if part != ""]
        text = super().__new__(cls, separator.join(map(str, kept)))
        text.parts, text._separator = kept, separator
        return text

    def render(self) -> str:
        """Return the text with the escape sequences of this terminal, in its width."""
        width = shutil.get_terminal_size().columns
        parts = [
            _print(part.arrange(), width, colored=True) if isinstance(part, TextTable) else part
            for part in self.parts
        ]
        return self._separator.join(parts)


def _print(table: Table, width: int, colored: bool) -> str:
    console = Console(
        file=io.StringIO(),
        width=width,
        force_terminal=colored,
        color_system="auto" if colored else None,
    )
    with console.capture() as capture:
        console.print(table)
    return capture.get().rstrip("\n")
