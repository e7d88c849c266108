"""Images as rows of pixels: `train.csv` and `test.csv`, as in digit-recognizer competitions."""

import csv
import math
import warnings
from pathlib import Path

import numpy as np

from framework.data.dataset import Dataset, DataUnavailableError, UnlabeledImages, hold_out_test
from framework.data.source import ArraySource
from framework.errors import RunError

LABEL = "label"


def load_csv(path: Path, test_fraction: float | None = None) -> Dataset:
    """Load a data set of two tables.

    `train.csv` has a column `label`, with numbers or names, and one column for each
    pixel, row by row: `s * s` of them for gray images of `s` x `s`, three times as many
    for RGB. `test.csv` has the same columns, or none for `label`: then a share of
    `train.csv` is held out for testing.

    Args:
        path: The folder of the two files.
        test_fraction: The share to hold out.

    Raises:
        DataUnavailableError: A file is missing.
        RunError: A file is no such table.
    """
    texts, images = _read_table(path / "train.csv")
    test_texts, test_images = _read_table(path / "test.csv")
    if images.shape[1:] != test_images.shape[1:]:
        raise RunError(
            f"{path}: train.csv and test.csv hold images of different shapes, "
            f"{images.shape[1:]} and {test_images.shape[1:]}."
        )
    if texts is None:
        raise RunError(f"{path / 'train.csv'} has no column {LABEL!r}.")
    class_names = _sort_names(texts)
    labels = _number_labels(texts, class_names, path / "train.csv")
    train = ArraySource(images, labels)
    if test_texts is not None:
        test_labels = _number_labels(test_texts, class_names, path / "test.csv")
        test = ArraySource(test_images, test_labels)
    else:
        train, test = hold_out_test(train, test_fraction, str(path / "train.csv"))
    count = len(test_images)
    unlabeled = UnlabeledImages(
        ArraySource(test_images, np.zeros(count, np.int64)),
        ids=tuple(str(number) for number in range(1, count + 1)),
    )
    return Dataset("csv", train, test, class_names, str(path), unlabeled=unlabeled)


def _read_table(path: Path) -> tuple[np.ndarray | None, np.ndarray]:
    """Read a table: labels as text `(n,)` if it has them, and images uint8."""
    if not path.is_file():
        raise DataUnavailableError(f"data_config.dataset.path: there is no file {path}.")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            header = [name.strip() for name in next(csv.reader(file), [])]
        label_column = header.index(LABEL) if LABEL in header else None
        columns = [column for column in range(len(header)) if column != label_column]
        shape = _find_shape(len(columns), path)
        pixels = _read_columns(path, columns, np.int32)
        texts = None if label_column is None else _read_columns(path, [label_column], np.str_)[:, 0]
    except (ValueError, csv.Error) as error:
        raise RunError(
            f"{path} can't be read as a table of pixels: {error}. Expected a header and rows "
            "such as: label,pixel0,pixel1,..."
        ) from error
    if not len(pixels):
        raise RunError(f"{path} holds no image: there is no row below its header.")
    if pixels.min() < 0 or pixels.max() > 255:
        raise RunError(
            f"{path} holds pixels from {pixels.min()} to {pixels.max()}. Expected 0 to 255."
        )
    return texts, pixels.astype(np.uint8).reshape(-1, *shape)


def _read_columns(path: Path, columns: list[int], dtype: type) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "loadtxt: input contained no data")
        return np.loadtxt(
            path,
            dtype,
            delimiter=",",
            skiprows=1,
            usecols=columns,
            ndmin=2,
            comments=None,
            quotechar='"',
            encoding="utf-8-sig",
        )


def _find_shape(pixels: int, path: Path) -> tuple[int, ...]:
    """Return `(rows, columns)` or `(rows, columns, 3)` of square images of that many numbers."""
    side, color_side = math.isqrt(pixels), math.isqrt(pixels // 3)
    if pixels and side**2 == pixels:
        return (side, side)
    if pixels and 3 * color_side**2 == pixels:
        return (color_side, color_side, 3)
    raise RunError(
        f"{path} has {pixels} columns of pixels. Expected those of square images: rows x rows "
        "for gray, 3 x rows x rows for RGB."
    )


def _sort_names(texts: np.ndarray) -> tuple[str, ...]:
    """Return the class names, sorted by number where all are numbers, else alphabetically."""
    names = sorted(set(texts.tolist()))
    if all(name.isdecimal() for name in names):
        names.sort(key=int)
    return tuple(names)


def _number_labels(texts: np.ndarray, class_names: tuple[str, ...], path: Path) -> np.ndarray:
    """Return `(n,)` int64 positions in the class names."""
    numbers = {name: number for number, name in enumerate(class_names)}
    unknown = sorted(set(texts.tolist()) - numbers.keys())
    if unknown:
        raise RunError(f"{path} has labels that train.csv lacks: {', '.join(unknown[:5])}.")
    return np.array([numbers[text] for text in texts.tolist()], np.int64)
