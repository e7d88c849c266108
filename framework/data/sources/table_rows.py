"""The rows of tables of images, and the data set that they make."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np

from framework.data.dataset import Dataset, UnlabeledImages, hold_out_test
from framework.data.sources.pixel_tables import read_pixels
from framework.data.sources.table_columns import Columns
from framework.data.sources.table_reader import LONGEST_CELL, Table
from framework.data.split_names import SYNONYMS, find_split
from framework.errors import RunError
from framework.utils.text import natural_key

MakeSource = Callable[[list[int], np.ndarray], Any]
"""Makes a source of the rows at some positions and their labels, `(n,)` int64."""


@dataclass(frozen=True)
class Rows:
    """The rows of one or several tables.

    Attributes:
        places: Where each is, for messages.
        labels: The label of each; empty if it has none.
        splits: `train`, `val` or `test` for each.
        ids: What a submission calls each; empty if its table doesn't say.
        contents: The pixels of each, or the path of its file as it is written.
    """

    places: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    splits: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    contents: list[Any] = field(default_factory=list)

    @property
    def are_files(self) -> bool:
        """Whether the contents are paths."""
        return not isinstance(self.contents[0], np.ndarray)

    def select(self, kept: Iterable[int]) -> "Rows":
        """Return some of the rows."""
        chosen = list(kept)
        return Rows(*([values[place] for place in chosen] for values in vars(self).values()))

    def find(self, split: str) -> list[int]:
        """Return the positions of the rows of a split."""
        return [place for place, other in enumerate(self.splits) if other == split]


def join_rows(parts: Iterable[Rows]) -> Rows:
    """Return the rows of several tables, one after another."""
    columns = zip(*(vars(part).values() for part in parts), strict=True)
    return Rows(*(list(chain.from_iterable(values)) for values in columns))


def read_rows(table: Table, columns: Columns, default: str) -> Rows:
    """Read a table.

    Args:
        table: The table.
        columns: What its columns are for.
        default: The split of rows that don't name one.

    Raises:
        RunError: A split or a pixel is not one, a row is too short or too long, or there is none.
    """
    rows = Rows()
    for place, cells in table.rows:
        rows.places.append(f"{table.path}, {place}")
        rows.labels.append("" if columns.label is None else cells[columns.label])
        rows.splits.append(_read_split(table, columns, place, cells) or default)
        rows.ids.append("" if columns.id is None else cells[columns.id])
        if columns.path is None:
            rows.contents.append(read_pixels(table, columns, place, cells))
        else:
            rows.contents.append(cells[columns.path])
    if not rows.places:
        raise RunError(f"{table.path} holds no image: there is no row below its header.")
    return rows


def _read_split(table: Table, columns: Columns, place: str, cells: list[str]) -> str | None:
    if columns.split is None:
        return None
    cell = cells[columns.split]
    split = find_split(cell)
    if split is None:
        raise RunError(
            f"{table.path}, {place}: {cell[:LONGEST_CELL]!r} in the column "
            f"{table.names[columns.split]!r} is no split. Expected train, val or test."
        )
    return split


def make_dataset(
    rows: Rows,
    make_source: MakeSource,
    location: str,
    test_fraction: float | None,
    id_columns: tuple[str, str] | None,
) -> Dataset:
    """Make a data set of rows.

    Without labels of test images, a share of the training images is held out, and the test
    images are those of a submission.

    Args:
        rows: The rows, of which those with the same label are a class.
        make_source: Makes a source of some of them.
        location: Where they come from, for people.
        test_fraction: The share to hold out.
        id_columns: The header of the submission; `None`: its rows are counted from 1.

    Raises:
        RunError: There are no rows to train on, rows that lack a label, or labels without a
            training image.
    """
    groups = {split: rows.find(split) for split in SYNONYMS}
    if not groups["train"]:
        raise RunError(f"{location} has no rows to train on.")
    has_test = any(rows.labels[place] for place in groups["test"])
    for place in groups["train"] + groups["val"] + (groups["test"] if has_test else []):
        if not rows.labels[place]:
            raise RunError(
                f"{rows.places[place]}: the label is empty. Expected a class for every image; "
                "test images may all have none."
            )
    names, numbers = _number_labels(rows, groups["train"])
    sources = {
        split: make_source(places, numbers[places]) for split, places in groups.items() if places
    }
    unlabeled = None
    places = groups["test"]
    if places and not (has_test and rows.are_files):
        ids = [rows.ids[place] for place in places] if id_columns else range(1, len(places) + 1)
        source = make_source(places, np.zeros(len(places), np.int64))
        unlabeled = UnlabeledImages(
            source, tuple(map(str, ids)), id_columns or UnlabeledImages.columns
        )
    train = sources["train"]
    if has_test:
        test = sources["test"]
    else:
        train, test = hold_out_test(train, test_fraction, location, names)
    return Dataset("csv", train, test, names, location, sources.get("val"), unlabeled)


def _number_labels(rows: Rows, train: Sequence[int]) -> tuple[tuple[str, ...], np.ndarray]:
    """Return the class names, and the position of the label of each row among them.

    Raises:
        RunError: There is no training image of a class, or the classes are splits.
    """
    # What pandas makes of whole numbers if one is missing.
    whole = all(re.fullmatch(r"\d+(\.0+)?|", label) for label in rows.labels)
    labels = [label.split(".")[0] for label in rows.labels] if whole else rows.labels
    names = sorted({labels[place] for place in train}, key=natural_key)
    if all(map(find_split, names)):
        raise RunError(
            f"{rows.places[train[0]]}: the labels are splits, {', '.join(map(repr, names))}. "
            "Expected classes: name their column in data_config.dataset.label_column."
        )
    numbers = {name: number for number, name in enumerate(names)}
    for place, label in zip(rows.places, labels, strict=True):
        if label and label not in numbers:
            raise RunError(
                f"{place}: the label {label[:LONGEST_CELL]!r} is that of no training image. "
                "Expected training images of every class."
            )
    return tuple(names), np.array([numbers.get(label, 0) for label in labels], np.int64)
