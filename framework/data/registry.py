"""The data sets that a config may name."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np

from framework.config.class_names import DEFAULT_EMNIST, DIGITS, find_class_names
from framework.config.model import DatasetConfig
from framework.data.dataset import Dataset, DataUnavailableError, hold_out_test
from framework.data.sanity_checks import inspect_dataset
from framework.data.source import ArraySource
from framework.data.sources.csv_tables import load_tables
from framework.data.sources.emnist import load_emnist
from framework.data.sources.image_folder import load_folder
from framework.data.sources.keras_downloads import download_dataset
from framework.data.sources.npz_archive import Arrays, read_archive, read_class_names
from framework.errors import RunError
from framework.utils.fallbacks import Fallback

logger = logging.getLogger(__name__)


def load_dataset(config: DatasetConfig) -> tuple[Dataset, Fallback | None]:
    """Load the data set that the config names, or the one its `if_unavailable` names."""
    try:
        return _load_inspected(config), None
    except DataUnavailableError as error:
        if config.if_unavailable is None:
            raise
        reason = str(error).splitlines()[0]
        substitution = Fallback("dataset", config.name, config.if_unavailable, reason)
    substitution.announce()
    return _load_inspected(DatasetConfig(substitution.used)), substitution


def _load_inspected(config: DatasetConfig) -> Dataset:
    """Load a data set and say what is odd about it."""
    dataset = read_dataset(config)
    dataset = replace(dataset, remarks=(*dataset.remarks, *inspect_dataset(dataset)))
    for remark in dataset.remarks:
        logger.warning("! %s", remark)
    return dataset


def read_dataset(config: DatasetConfig) -> Dataset:
    """Load the data set that the config names, and no other.

    Raises:
        DataUnavailableError: It is not at `path`, or can't be downloaded.
        RunError: It is there, but damaged or of another form.
    """
    path = None if config.path is None else Path(config.path).expanduser()
    if config.name == "digits":
        return load_digits()
    if config.name in FILE_SETS and path is not None:
        return FILE_SETS[config.name](path, config.test_fraction)
    arrays, place, names = _load_arrays(config, path)
    _check_labels(np.concatenate([arrays[1], arrays[3]]), len(names), place)
    train, test = ArraySource(*arrays[:2]), ArraySource(*arrays[2:])
    return Dataset(config.name, train, test, names, place)


def _load_arrays(config: DatasetConfig, path: Path | None) -> tuple[Arrays, str, tuple[str, ...]]:
    """Return the arrays of a data set that fits in memory, their origin, and class names."""
    names = find_class_names(config.name, config.split)
    if config.name == "emnist":
        arrays = load_emnist(path, config.split or DEFAULT_EMNIST)
    elif path is None:
        arrays = download_dataset(config.name)
    else:
        path = _find_archive(path, config.name)
        arrays = read_archive(path)
        names = names or read_class_names(path)
    if names is None:
        largest = max(arrays[1].max(), arrays[3].max())
        names = tuple(str(label) for label in range(largest + 1))
    return arrays, str(path or "the Keras cache"), names


def _check_labels(labels: np.ndarray, classes: int, place: str) -> None:
    if labels.min() < 0 or labels.max() >= classes:
        raise RunError(
            f"The labels in {place} run from {labels.min()} to {labels.max()}. "
            f"Expected 0 to {classes - 1}."
        )


def _find_archive(path: Path, name: str) -> Path:
    if path.is_dir():
        path = path / f"{name}.npz"
    if not path.is_file():
        raise DataUnavailableError(
            f"data_config.dataset.path: there is no file {path}. Expected the {name} data set "
            "as an .npz archive of x_train, y_train, x_test and y_test."
        )
    return path


def load_digits() -> Dataset:
    """Load scikit-learn's 1,797 handwritten digits, 8x8, embedded in the package.

    They come without a split: a fixed, stratified fifth is the test set, whatever
    the config's seed, so that test accuracies can be compared.
    """
    from sklearn.datasets import load_digits as load

    digits = load()
    # Published in 0 to 16.
    images = np.rint(digits.images * (255 / 16)).astype(np.uint8)
    labels = digits.target.astype(np.int64)
    train, test = hold_out_test(labels, None, "digits")
    return Dataset(
        "digits",
        ArraySource(images[train], labels[train]),
        ArraySource(images[test], labels[test]),
        DIGITS,
        "scikit-learn",
    )


# Data sets in files that hold their own class names.
FILE_SETS = {"folder": load_folder, "csv": load_tables}
