"""What the columns of a table of images are for."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from framework.data.sources.table_reader import Table, has_image_ending, is_number
from framework.errors import RunError

# Names of columns, as `_simplify` writes them.
LABELS = ("label", "class", "target")
PATHS = tuple(
    "image img path file filename filepath imagepath imgpath imagefile imagename imgname "
    "imagefilename".split()
)
IDS = ("id", "imageid", "imgid", "index", "idx", *PATHS)
# What pandas calls the index of a table.
UNNAMED = ("", "unnamed0", "indexlevel0")
SPLITS = ("split", "subset", "partition")

# `pixel0`, `px_0` or `0`; `1x1` by row and column.
PIXEL = re.compile(r"(pixel|px|p)?[ _-]?\d+(x\d+)?", re.IGNORECASE)


@dataclass(frozen=True)
class Columns:
    """The positions of a table's columns by what they are for; `None`: there is none.

    Attributes:
        label: The labels.
        path: The paths of image files; `None` in a table of pixels.
        split: The split of each image.
        id: What a submission calls each image.
        pixels: The pixels, row by row.
    """

    label: int | None
    path: int | None = None
    split: int | None = None
    id: int | None = None
    pixels: tuple[int, ...] = ()


def find_shape(pixels: int) -> tuple[int, ...] | None:
    """Return `(rows, columns)` or `(rows, columns, 3)` of square images of that many numbers.

    A single pixel is no image.
    """
    side, color_side = math.isqrt(pixels), math.isqrt(pixels // 3)
    if side > 1 and side**2 == pixels:
        return (side, side)
    if color_side > 1 and 3 * color_side**2 == pixels:
        return (color_side, color_side, 3)
    return None


def find_columns(
    table: Table, label_column: str | None, path_column: str | None, like: Columns | None = None
) -> Columns:
    """Find out what the columns of a table are for.

    Args:
        table: The table.
        label_column: The name of the column of labels, if the config has it.
        path_column: That of the column of paths.
        like: The columns of the table of training images; `None`: this is that table.

    Raises:
        RunError: Several columns may be what is looked for, or the config's is missing.
    """
    label = _find_column(table, LABELS, label_column, "label_column", optional=like is not None)
    split = _find_column(table, SPLITS)
    rest = [place for place in range(len(table.names)) if place not in (label, split)]
    named = [place for place in rest if PIXEL.fullmatch(table.names[place])]
    has_pixels = table.has_header and len(named) > 3 and find_shape(len(named)) is not None
    path = None
    if path_column is not None or not has_pixels:
        path = _find_path(table, path_column)
    if path is not None:
        others = [place for place in rest if place != path]
        if label is None and not table.has_header and len(others) == 1:
            label = others[0]
        return Columns(label, path, split, path)
    if not table.has_header:
        return _find_positions(table, label, like)
    ids = [place for place in rest if _simplify(table.names[place]) in IDS]
    unnamed = [place for place in rest if _simplify(table.names[place]) in UNNAMED]
    others = [place for place in rest if place not in (*ids, *unnamed)]
    pixels = named if has_pixels else others
    return Columns(label, None, split, ids[0] if ids else None, tuple(pixels))


def _find_path(table: Table, path_column: str | None) -> int | None:
    """Return the column of paths: of a known name, or else the one that has an image's ending."""
    path = _find_column(table, PATHS, path_column, "path_column")
    if path is None:
        found = [place for place, cell in enumerate(table.sample) if has_image_ending(cell)]
        _refuse_several(table, found, "path_column")
        path = found[0] if found else None
    return path


def _find_positions(table: Table, label: int | None, like: Columns | None) -> Columns:
    """Find the label and the pixels in a table without a header: the label is a text, or first."""
    count = len(table.names)
    if like is not None and count == len(like.pixels):
        return Columns(None, pixels=tuple(range(count)))
    if label is None:
        label = count - 1 if table.sample and not is_number(table.sample[-1]) else 0
    return Columns(label, pixels=tuple(place for place in range(count) if place != label))


def _find_column(
    table: Table,
    known: Sequence[str],
    given: str | None = None,
    key: str | None = None,
    optional: bool = False,
) -> int | None:
    """Return the column that the config names, or else the one that has a known name."""
    if given is None:
        found = [place for place, name in enumerate(table.names) if _simplify(name) in known]
        _refuse_several(table, found, key)
        return found[0] if found else None
    folded = [name.casefold() for name in table.names]
    for names, wanted in ((table.names, given.strip()), (folded, given.strip().casefold())):
        if names.count(wanted) == 1:
            return names.index(wanted)
    if optional:
        return None
    header = "" if table.has_header else " It has no header: its columns are numbered from 0."
    raise RunError(
        f"{table.path} has no column {given!r}, which data_config.dataset.{key} names.{header} "
        f"Found: {table.list_names()}."
    )


def _refuse_several(table: Table, found: Sequence[int], key: str | None) -> None:
    if len(found) > 1:
        names = ", ".join(repr(table.names[place]) for place in found)
        advice = f"Name one in data_config.dataset.{key}." if key else "Leave one of them."
        raise RunError(f"{table.path} has several columns for one purpose: {names}. {advice}")


def _simplify(name: str) -> str:
    return re.sub(r"[\W_]", "", name.casefold())
