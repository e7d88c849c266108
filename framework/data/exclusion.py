"""Images that a user has marked to be left out, in the file `data_config.dataset.exclude`."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from framework.data.dataset import Dataset
from framework.data.source import Source
from framework.data.sources.table_reader import is_number, open_table
from framework.data.split_names import find_split
from framework.errors import RunError
from framework.utils.text import pluralize

KEY = "data_config.dataset.exclude"
SPLIT, NAME, LABEL, MARK = "split", "index_or_path", "label", "exclude"

# What a marked cell of the column `exclude` holds, and one that is not marked.
YES = ("x", "yes", "y", "true", "1", "1.0")
NO = ("", "no", "n", "false", "0", "0.0")

# What is left out of each split is written in this order.
SPLIT_WORDS = {"train": "training", "val": "validation", "test": "test"}


class _Row(NamedTuple):
    """A marked row: where it is, the split, the image and, if it is given, the class."""

    place: str
    split: str
    name: str
    label: str | None


def exclude_images(dataset: Dataset, path: Path) -> Dataset:
    """Return a data set without the images that a file marks; a remark counts them.

    The images keep their numbers, and the draws of those that are left stay reproducible.

    Args:
        dataset: The images.
        path: A table with the columns `split` and `index_or_path`, and optionally `label`, which
            is checked, and `exclude`, which marks rows; without it all rows are marked.

    Raises:
        RunError: The file can't be read, or its rows are not of these images.
    """
    rows = list(_read_rows(path))
    if not rows:
        return replace(
            dataset,
            remarks=(*dataset.remarks, f"{path} marks no image: nothing is left out"),
        )
    excluded: dict[str, set[int]] = {"train": set(), "val": set(), "test": set()}
    counts: dict[str, set[int]] = {word: set() for word in SPLIT_WORDS}
    missing = []
    numbers: dict[str, dict[str, int]] = {}
    for row in rows:
        # Validation images of no split of their own are held out of the training images.
        key = "train" if row.split == "val" and dataset.validation is None else row.split
        source = dataset.find_source(key)
        if key not in numbers:
            numbers[key] = _number_images(source)
        position = numbers[key].get(row.name)
        if position is None:
            missing.append(row)
            continue
        _check_label(path, row, dataset.class_names[source.labels[position]])
        excluded[key].add(position)
        counts[row.split].add(position)
    _check_found(path, rows, missing, dataset)
    left_out = [
        pluralize(len(counts[split]), f"{word} image")
        for split, word in SPLIT_WORDS.items()
        if counts[split]
    ]
    remarks = [f"left out, as {path} says: {', '.join(left_out)}"]
    if missing:
        remarks.append(
            f"{path} marks {pluralize(len(missing), 'image')} that the data set does not hold, "
            f"such as {missing[0].name!r} in {missing[0].place}"
        )
    return replace(
        dataset,
        excluded={key: np.array(sorted(found), np.int64) for key, found in excluded.items()},
        remarks=(*dataset.remarks, *remarks),
    )


def _read_rows(path: Path) -> Iterator[_Row]:
    """Yield the marked rows."""
    if not path.is_file():
        raise RunError(f"{KEY}: there is no file {path}.")
    table = open_table(path)
    for name in (SPLIT, NAME):
        if name not in table.names:
            raise RunError(
                f"{KEY}: {path} has no column {name!r}. Expected a file that check-data wrote. "
                f"Found {table.list_names()}."
            )
    for place, cells in table.rows:
        row = dict(zip(table.names, cells, strict=True))
        mark = row.get(MARK, YES[0]).lower()
        if mark not in YES + NO:
            raise RunError(
                f"{KEY}: {path}, {place}: expected 'x' or nothing in the column {MARK!r}. Found "
                f"{row[MARK]!r}."
            )
        if mark in YES:
            yield _Row(place, _read_split(path, place, row), row[NAME], row.get(LABEL))


def _read_split(path: Path, place: str, row: dict[str, str]) -> str:
    split = find_split(row[SPLIT])
    if split is None:
        raise RunError(
            f"{KEY}: {path}, {place}: expected training, validation or test in the column "
            f"{SPLIT!r}. Found {row[SPLIT]!r}."
        )
    return split


def _number_images(source: Source) -> dict[str, int]:
    """Return the position of each file, or of each number."""
    names = source.names or tuple(map(str, range(len(source.labels))))
    return {name: position for position, name in enumerate(names)}


def _check_label(path: Path, row: _Row, class_name: str) -> None:
    # A spreadsheet may have turned 07 into 7.
    if row.label is None or row.label == class_name or _equal_numbers(row.label, class_name):
        return
    raise RunError(
        f"{KEY}: {path}, {row.place}: image {row.name} is of the class {class_name!r} now, not "
        f"{row.label!r}. Expected a file about these images: run check-data again."
    )


def _equal_numbers(one: str, other: str) -> bool:
    return is_number(one) and is_number(other) and float(one) == float(other)


def _check_found(
    path: Path, rows: Sequence[_Row], missing: Sequence[_Row], dataset: Dataset
) -> None:
    """Raise a `RunError` if the file is about other images."""
    has_files = bool(dataset.train.names)
    if not missing or (has_files and len(missing) < len(rows)):
        return
    row = missing[0]
    raise RunError(
        f"{KEY}: {path}, {row.place}: there is no {SPLIT_WORDS[row.split]} image {row.name!r} in "
        f"{dataset.location}. Expected a file about these images: run check-data again."
    )
