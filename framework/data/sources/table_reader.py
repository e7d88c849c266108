"""Tables in CSV, TSV or Parquet, read row by row as text."""

import csv
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

from framework.data.image_files import ENDINGS
from framework.errors import RunError
from framework.utils.optional_dependencies import require_packages

TABLE_ENDINGS = (".csv", ".tsv", ".parquet")
DELIMITERS = ",;\t"

# How many names a message lists, and how many characters of each.
MAX_LISTED = 8
LONGEST_CELL = 60

# Where the names of a Parquet file's columns are.
HEADER = "header"

Row = tuple[str, list[str]]
"""Where a row is, such as `line 2`, and its cells, without blanks around them."""


@dataclass(frozen=True)
class Table:
    """A table that is open for reading.

    Attributes:
        path: Its file.
        names: The names of its columns: their positions, from 0, where it has no header.
        has_header: Whether it has one.
        sample: The cells of the first row; none if there is no row.
        rows: Its rows, to be read once.
    """

    path: Path
    names: tuple[str, ...]
    has_header: bool
    sample: list[str]
    rows: Iterator[Row]

    def list_names(self) -> str:
        """Return the names of the first columns, for a message."""
        names = [repr(name[:LONGEST_CELL]) for name in self.names[:MAX_LISTED]]
        return ", ".join([*names, *(["..."] if len(self.names) > MAX_LISTED else [])]) or "none"


def open_table(path: Path, expected: Sequence[str] = ()) -> Table:
    """Open a table, and read its first line.

    Args:
        path: Its file.
        expected: The names of the columns of another table of the data set.

    Raises:
        RunError: It can't be read, or a row has more or fewer cells than the first line; the
            latter while the rows are read.
    """
    lines = _read_parquet(path) if path.suffix.lower() == ".parquet" else _read_text(path)
    place, first = next(lines, (HEADER, []))
    positions = _count_from(0, first)
    is_header = place == HEADER or _is_header(first, expected)
    rows = _check_lengths(path, len(first), lines)
    kept = list(islice(rows, 1)) if is_header else [(place, first)]
    has_header = is_header and first != positions
    sample = kept[0][1] if kept else []
    names = tuple(first if has_header else positions)
    return Table(path, names, has_header, sample, chain(kept, rows))


def _check_lengths(path: Path, length: int, rows: Iterator[Row]) -> Iterator[Row]:
    for place, cells in rows:
        if len(cells) != length:
            raise RunError(
                f"{path} can't be read as a table: {place} has {len(cells)} cells. Expected "
                f"{length}, as in the first line."
            )
        yield place, cells


def _read_text(path: Path) -> Iterator[Row]:
    """Yield the lines of a table in text, with commas, semicolons or tabs between the cells."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            line = file.readline()
            file.seek(0)
            delimiter = max(DELIMITERS, key=line.count)
            reader = csv.reader(file, delimiter=delimiter, skipinitialspace=True)
            for cells in reader:
                if cells:
                    yield f"line {reader.line_num}", [cell.strip() for cell in cells]
    except UnicodeDecodeError as error:
        raise RunError(
            f"{path} can't be read as a table: it is not UTF-8 text. Save it as CSV in UTF-8."
        ) from error
    except (csv.Error, OSError) as error:
        raise RunError(f"{path} can't be read as a table: {error}.") from error


def _read_parquet(path: Path) -> Iterator[Row]:
    """Yield the names of the columns and the rows of a Parquet file."""
    require_packages(f"Reading {path}", {"pyarrow": "pyarrow"}, "tables")
    import pyarrow
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            yield HEADER, [name.strip() for name in file.schema_arrow.names]
            number = 0
            for batch in file.iter_batches(1024):
                for values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                    number += 1
                    yield f"row {number}", list(map(_to_text, values))
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise RunError(f"{path} can't be read as a Parquet file: {error}.") from error


def _to_text(value: Any) -> str:
    """Return a value of Parquet as CSV has it: missing ones empty, whole numbers without `.0`."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace").strip()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None or value != value else str(value).strip()


def _is_header(cells: list[str], expected: Sequence[str]) -> bool:
    """Return whether the first line of a table names its columns.

    Names may be numbers: those of another table, or consecutive ones. Otherwise numbers are
    pixels, also those before or after a single text, a class; and no name is that of an image.

    Args:
        cells: The first line.
        expected: The names of the columns of another table.
    """
    if any(map(has_image_ending, cells)):
        return False
    if len(set(cells)) == len(cells) > 3 and set(cells) <= set(expected):
        return True
    numbers = list(filter(is_number, cells))
    pixels = cells in (numbers, [*cells[:1], *numbers], [*numbers, *cells[-1:]])
    return not pixels or numbers in (_count_from(0, numbers), _count_from(1, numbers))


def _count_from(first: int, cells: list[str]) -> list[str]:
    return list(map(str, range(first, first + len(cells))))


def is_number(cell: str) -> bool:
    """Return whether a cell is a number."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def has_image_ending(cell: str) -> bool:
    """Return whether a cell may be the path of an image file."""
    return os.path.splitext(cell)[1].lower() in ENDINGS
