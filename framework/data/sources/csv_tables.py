"""Data sets in tables: of image files, or of pixels as in digit-recognizer competitions."""

import os
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from framework.config.model import DatasetConfig
from framework.data.dataset import Dataset, DataUnavailableError, UnlabeledImages
from framework.data.image_files import format_path
from framework.data.source import ArraySource, FolderSource
from framework.data.sources.folder_issues import CheckedImage, FolderIssues, check_image
from framework.data.sources.pixel_tables import convert_pixels, order_pixels
from framework.data.sources.table_columns import Columns, find_columns, find_shape
from framework.data.sources.table_reader import (
    LONGEST_CELL,
    MAX_LISTED,
    TABLE_ENDINGS,
    Table,
    open_table,
)
from framework.data.sources.table_rows import Rows, join_rows, make_dataset, read_rows
from framework.data.split_names import find_split
from framework.errors import RunError
from framework.utils.bounded_map import WORKERS, bounded_map


def load_csv(path: Path, config: DatasetConfig) -> Dataset:
    """Load a data set of tables.

    Each row of a table has the pixels of a square image or the path of a file, and a label; see
    `docs/data.md`.

    Args:
        path: A table, or a folder of `train.csv` and `test.csv`, which may also be TSV or Parquet.
        config: Names columns, and the share of the images to test on if no others have labels.

    Raises:
        DataUnavailableError: There is no such table.
        RunError: A table can't be read, or lacks what a data set needs.
    """
    files = _find_tables(path)
    tables: list[tuple[Table, Columns]] = []
    parts = []
    for file, split in files.items():
        table = open_table(file, tables[0][0].names if tables else ())
        columns = _find_columns(table, config, *(tables[0] if tables else (None, None)))
        tables.append((table, columns))
        parts.append(read_rows(table, columns, split))
    rows, (train, train_columns) = join_rows(parts), tables[0]
    if train_columns.path is None:
        _require_test(path, files)
        arrays = {file: np.stack(part.contents) for file, part in zip(files, parts, strict=True)}
        images, remarks = convert_pixels(arrays)

        def make_source(places: list[int], labels: np.ndarray) -> Any:
            return ArraySource(images[places], labels)

    else:
        rows, remarks = _check_files(rows, train.path.parent)

        def make_source(places: list[int], labels: np.ndarray) -> Any:
            paths, digests = zip(*(rows.contents[place] for place in places), strict=True)
            return FolderSource(paths, labels, digests, train.path.parent)

    remarks += [remark for opened in tables for remark in _describe_columns(*opened)]
    dataset = make_dataset(
        rows, make_source, str(path), config.test_fraction, _name_id_columns(tables, parts)
    )
    return replace(dataset, remarks=tuple(remarks))


def _find_tables(path: Path) -> dict[Path, str]:
    """Return the tables of a data set, each with the split it is called after, `train` first."""
    if path.is_file():
        if path.suffix.lower() not in TABLE_ENDINGS:
            raise RunError(f"{path} is no table. Expected {', '.join(TABLE_ENDINGS)}.")
        return {path: "train"}
    if path.suffix.lower() in TABLE_ENDINGS and not path.is_dir():
        raise DataUnavailableError(f"data_config.dataset.path: there is no file {path}.")
    children = sorted(path.iterdir()) if path.is_dir() else []
    tables = [file for file in children if file.suffix.lower() in TABLE_ENDINGS and file.is_file()]
    found: dict[str, Path] = {}
    for file in tables:
        split = find_split(file.stem)
        if split in found:
            raise RunError(
                f"{path} holds {found[split].name} and {file.name}. Expected one table of each "
                "split: remove one, or name the one to use in data_config.dataset.path."
            )
        if split is not None:
            found[split] = file
    if "train" not in found:
        others = ", ".join(file.name for file in tables[:MAX_LISTED])
        raise DataUnavailableError(
            f"data_config.dataset.path: there is no file {path / 'train.csv'}."
            + (f" Found {others}: give the path of a table to use it alone." if others else "")
        )
    return {found[split]: split for split in sorted(found, key=lambda split: split != "train")}


def _require_test(path: Path, files: dict[Path, str]) -> None:
    """Refuse a folder of pixels without the table that the predictions are for."""
    if path.is_dir() and "test" not in files.values():
        raise DataUnavailableError(
            f"data_config.dataset.path: there is no file {path / 'test.csv'}. To do without, give "
            f"the path of the table itself, {next(iter(files))}."
        )


def _find_columns(
    table: Table, config: DatasetConfig, train: Table | None, like: Columns | None
) -> Columns:
    """Find the columns of a table, and refuse it if some are missing or unlike those of `train`."""
    columns = find_columns(table, config.label_column, config.path_column, like)
    if like is not None and (like.path is None) != (columns.path is None):
        kinds = ("the paths of files", "pixels")
        raise RunError(
            f"{table.path} holds {kinds[columns.path is None]}, {train and train.path.name} "
            f"{kinds[like.path is None]}. Expected the same in both."
        )
    if like is None and columns.label is None and table.names:
        raise RunError(
            f"{table.path} has no column 'label', 'class' or 'target'. Found: "
            f"{table.list_names()}. Name the column in data_config.dataset.label_column."
        )
    if columns.path is None and find_shape(len(columns.pixels)) is None:
        raise RunError(
            f"{table.path} has {len(columns.pixels)} columns of pixels. Expected those of square "
            "images: rows x rows for gray, 3 x rows x rows for RGB; or a column of the paths of "
            f"files, which data_config.dataset.path_column can name. Found: {table.list_names()}."
        )
    if columns.path is None and train is not None and like is not None:
        return order_pixels(table, columns, train, like)
    return columns


def _describe_columns(table: Table, columns: Columns) -> Iterator[str]:
    """Yield what was assumed of the columns of a table."""
    are_pixels, file = columns.path is None, table.path.name
    if are_pixels and not table.has_header and columns.label is not None:
        yield (
            f"{file} has no header: column {columns.label}, counted from 0, is read as the label "
            "(data_config.dataset.label_column), all others as pixels"
        )
    known = {columns.label, columns.path, columns.split, columns.id, *columns.pixels}
    others = [place for place in range(len(table.names)) if place not in known]
    if are_pixels and others:
        names = ", ".join(repr(table.names[place]) for place in others[:MAX_LISTED])
        yield f"{file}: columns that are not read: {names}"
    for place in others if table.sample else ():
        if find_split(table.sample[place]):
            yield (
                f"{file}: the column {table.names[place]!r} seems to hold splits, but is not read: "
                "if it does, call it 'split'"
            )


def _name_id_columns(
    tables: list[tuple[Table, Columns]], parts: list[Rows]
) -> tuple[str, str] | None:
    """Return the header of a submission: what the test images' IDs and the labels are called."""
    train, columns = tables[0]
    for (table, found), rows in zip(tables, parts, strict=True):
        if rows.find("test") and found.id is not None and columns.label is not None:
            has_headers = table.has_header and train.has_header
            return (
                (table.names[found.id], train.names[columns.label])
                if has_headers
                else UnlabeledImages.columns
            )
    return None


def _check_files(rows: Rows, folder: Path) -> tuple[Rows, list[str]]:
    """Read every image file once, to check it.

    Args:
        rows: Rows of paths.
        folder: What the paths are relative to.

    Returns:
        The rows of readable images, each with its path and the SHA-256 of its bytes; and
        sentences on those that are skipped.

    Raises:
        RunError: None of a split can be read, or a file has two labels.
    """
    issues = FolderIssues()
    readable: dict[int, tuple[Path, str]] = {}
    unreadable: dict[int, str] = {}
    results = bounded_map(partial(_check_file, folder), rows.contents, 32 * WORKERS)
    with tqdm(results, "checking files", len(rows.places), unit=" images", leave=False) as progress:
        for position, result in enumerate(progress):
            if isinstance(result, RunError):
                unreadable[position] = f"{rows.places[position]}: {result}"
                continue
            path, checked = result
            readable[position] = (path, checked.digest)
            issues.add_checked(path, checked)
    issues.unreadable = list(unreadable.values())
    kept = replace(rows.select(readable), contents=list(readable.values()))
    for split in dict.fromkeys(rows.splits):
        if not kept.find(split):
            lost = rows.find(split)
            raise RunError(
                f"{unreadable[lost[0]]} None of the {len(lost):,} {split} files can be read. "
                f"Expected paths that begin in {folder}."
            )
    _refuse_two_labels(kept)
    lost_classes = sorted(set(rows.labels) - set(kept.labels))
    remarks = [f"the class {name!r} has no readable picture: left out" for name in lost_classes]
    return kept, issues.describe() + remarks


def _check_file(folder: Path, text: str) -> tuple[Path, CheckedImage] | RunError:
    """Return the path of an image, and what is to know of it, or what is wrong with it."""
    for written in (text, text.replace("\\", "/")):
        path = folder / written
        if os.path.isfile(path):
            result = check_image(path)
            return result if isinstance(result, RunError) else (path, result)
    return RunError(f"there is no file {text[:LONGEST_CELL]!r}.")


def _refuse_two_labels(rows: Rows) -> None:
    """Refuse a file that is listed with different labels."""
    seen: dict[str, int] = {}
    for position, (path, _) in enumerate(rows.contents):
        first = seen.setdefault(os.path.normpath(path), position)
        labels = rows.labels[first], rows.labels[position]
        if all(labels) and labels[0] != labels[1]:
            raise RunError(
                f"{rows.places[position]}: {format_path(path)} has the label {labels[1]!r}, but "
                f"{labels[0]!r} in {rows.places[first]}. Expected one label for each image."
            )
