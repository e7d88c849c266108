"""Images as rows of pixels in tables."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from framework.data.sources.table_columns import Columns, find_shape
from framework.data.sources.table_reader import LONGEST_CELL, Table, is_number
from framework.errors import RunError


def order_pixels(table: Table, columns: Columns, train: Table, like: Columns) -> Columns:
    """Put the columns of pixels in the order that they have in the table of training images.

    Raises:
        RunError: They have other names.
    """
    shape, train_shape = find_shape(len(columns.pixels)), find_shape(len(like.pixels))
    if shape != train_shape:
        raise RunError(
            f"{table.path.parent}: {train.path.name} and {table.path.name} hold images of "
            f"different shapes, {train_shape} and {shape}."
        )
    names = [table.names[place] for place in columns.pixels]
    expected = [train.names[place] for place in like.pixels]
    if names == expected or not (table.has_header and train.has_header):
        return columns
    places = dict(zip(names, columns.pixels, strict=True))
    missing = [name for name in expected if name not in places]
    if missing or len(places) < len(names) or len(set(expected)) < len(expected):
        lacking = f" It lacks {missing[0]!r}." if missing else ""
        raise RunError(
            f"{table.path} names its columns of pixels in another way than {train.path.name}, so "
            f"that they can't be matched.{lacking} Expected the same names, each once."
        )
    return replace(columns, pixels=tuple(places[name] for name in expected))


def read_pixels(table: Table, columns: Columns, place: str, cells: list[str]) -> np.ndarray:
    """Return the pixels of a row, `(n,)` float32.

    Raises:
        RunError: A cell is not a number.
    """
    try:
        pixels = np.array([float(cells[column]) for column in columns.pixels], np.float32)
    except ValueError:
        pixels = np.array([np.nan])
    if np.isfinite(pixels).all():
        return pixels
    column = next(
        column
        for column in columns.pixels
        if not is_number(cells[column]) or not np.isfinite(np.float32(cells[column]))
    )
    raise RunError(
        f"{table.path} can't be read as a table of pixels: {place}, column "
        f"{table.names[column]!r}: {cells[column][:LONGEST_CELL]!r}. Expected a number from 0 to "
        "255."
    )


def convert_pixels(tables: Mapping[Path, np.ndarray]) -> tuple[np.ndarray, list[str]]:
    """Convert the pixels of tables, training images first, to uint8.

    Numbers in [0, 1] are multiplied by 255 if no table holds larger ones.

    Args:
        tables: For each table, `(n, pixels)` numbers in [0, 255].

    Returns:
        The images of all tables, `(n, rows, columns)` or `(n, rows, columns, 3)` uint8, and a
        sentence if they were multiplied.

    Raises:
        RunError: There are values outside this range, or tables with different ranges.
    """
    for path, pixels in tables.items():
        low, high = pixels.min(), pixels.max()
        if low < 0 or high > 255:
            raise RunError(f"{path} holds pixels from {low:g} to {high:g}. Expected 0 to 255.")
    pixels = np.concatenate(list(tables.values()))
    shape = find_shape(pixels.shape[1])
    remarks = []
    if 0 < pixels.max() <= 1:
        pixels *= 255
        remarks.append("pixels from 0 to 1, multiplied by 255")
    else:
        _check_ranges(tables)
    return np.rint(pixels).astype(np.uint8).reshape(-1, *(shape or ())), remarks


def _check_ranges(tables: Mapping[Path, np.ndarray]) -> None:
    """Refuse tables of which one holds numbers in [0, 1] and another larger ones.

    A few images that are all black may as well be whole numbers up to 1 in [0, 255]; training
    images are not.
    """
    for number, (path, pixels) in enumerate(tables.items()):
        whole = number > 0 and (pixels == np.rint(pixels)).all()
        if 0 < pixels.max() <= 1 and not whole:
            other = next(other for other, values in tables.items() if values.max() > 1)
            raise RunError(
                f"{path} holds pixels from 0 to 1, {other} larger ones. Expected the same range "
                "in both: multiply by 255."
            )
