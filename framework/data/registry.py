"""The data sets that a config may name."""

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np

from framework.config.catalog import DATASETS, PATH_DATASETS
from framework.config.class_names import DEFAULT_EMNIST, DIGITS, find_class_names
from framework.config.model import DatasetConfig
from framework.config.suggestions import format_hint
from framework.data.dataset import Dataset, DataUnavailableError, hold_out_test
from framework.data.exclusion import exclude_images
from framework.data.sanity_checks import inspect_dataset
from framework.data.source import ArraySource
from framework.data.sources.csv_tables import load_csv
from framework.data.sources.emnist import load_emnist
from framework.data.sources.image_folder import load_folder
from framework.data.sources.keras_downloads import download_dataset
from framework.data.sources.npz_archive import load_npz, scale_binary
from framework.data.sources.table_reader import TABLE_ENDINGS
from framework.errors import RunError, UsageError
from framework.utils.fallbacks import Fallback
from framework.utils.worker_processes import call

logger = logging.getLogger(__name__)


def find_dataset(text: str) -> DatasetConfig:
    """Return how a config names a folder of class folders, a table, an archive or a data set.

    Raises:
        UsageError: There is nothing of that name.
    """
    path = Path(text).expanduser()
    if path.is_dir():
        tables = any(any(path.glob(f"*{ending}")) for ending in TABLE_ENDINGS)
        has_folders = any(child.is_dir() for child in path.iterdir())
        return DatasetConfig("csv" if tables and not has_folders else "folder", str(path))
    if path.is_file():
        return DatasetConfig("npz" if path.suffix.lower() == ".npz" else "csv", str(path))
    named = [name for name in DATASETS if name not in PATH_DATASETS]
    if text in named:
        return DatasetConfig(text)
    hint = format_hint(text, named, f"Data sets: {', '.join(named)}.")
    raise UsageError(
        f"there is no folder, table or data set {text!r}. Expected a folder with a folder for each "
        f"class, a table of files and labels, or the name of a data set. {hint}"
    )


def load_dataset(config: DatasetConfig) -> tuple[Dataset, Fallback | None]:
    """Load and inspect the data set that the config names, or its `if_unavailable`."""
    try:
        return _load_inspected(config), None
    except DataUnavailableError as error:
        if config.if_unavailable is None:
            raise
        reason = str(error).splitlines()[0]
        fallback = Fallback("dataset", config.name, config.if_unavailable, reason)
    fallback.announce()
    dataset = _load_inspected(DatasetConfig(fallback.used))
    if config.exclude is not None:
        remark = f"{config.exclude} is about {config.name}: nothing is left out of {fallback.used}"
        logger.warning("! %s", remark)
        dataset = replace(dataset, remarks=(*dataset.remarks, remark))
    return dataset, fallback


def _load_inspected(config: DatasetConfig) -> Dataset:
    """Load a data set, and log what was found in it."""
    if config.path is not None:
        logger.info("Images from %s", config.path)
    dataset = read_dataset(config)
    if config.exclude is not None:
        dataset = exclude_images(dataset, Path(config.exclude).expanduser())
    dataset = replace(dataset, remarks=(*dataset.remarks, *inspect_dataset(dataset)))
    for remark in dataset.remarks:
        logger.warning("! %s", remark)
    return dataset


def read_dataset(config: DatasetConfig) -> Dataset:
    """Load the data set that the config names, without a fallback and uninspected.

    Raises:
        DataUnavailableError: It is not at `path`, or can't be downloaded.
        RunError: It is damaged, or has another format.
    """
    path = None if config.path is None else Path(config.path).expanduser()
    if config.name == "digits":
        return load_digits()
    if config.name == "folder" and path is not None:
        return load_folder(path, config.test_fraction)
    if config.name == "csv" and path is not None:
        return load_csv(path, config)
    names = find_class_names(config.name, config.split)
    remarks: tuple[str, ...] = ()
    if config.name == "emnist":
        train, test = load_emnist(path, config.split or DEFAULT_EMNIST)
    elif path is None:
        train, test = download_dataset(config.name)
    else:
        path = _find_archive(path, config.name)
        train, test, stored_names = load_npz(path, with_class_names=names is None)
        names = names or stored_names
        train, test, remarks = scale_binary(train, test)
    labels = np.concatenate([train.labels, test.labels])
    if names is None:
        names = tuple(str(label) for label in range(labels.max() + 1))
    location = str(path or "the Keras cache")
    if labels.min() < 0 or labels.max() >= len(names):
        raise RunError(
            f"The labels in {location} run from {labels.min()} to {labels.max()}. "
            f"Expected 0 to {len(names) - 1}."
        )
    return Dataset(config.name, train, test, names, location, remarks=remarks)


def _find_archive(path: Path, name: str) -> Path:
    """Return the path of an archive, which may be given by its folder."""
    if path.is_dir():
        path = path / f"{name}.npz"
    if not path.is_file():
        raise DataUnavailableError(
            f"data_config.dataset.path: there is no file {path}. Expected the {name} data set "
            "as an .npz archive of x_train, y_train, x_test and y_test."
        )
    return path


def load_digits() -> Dataset:
    """Load scikit-learn's 1,797 handwritten digits, 8x8, which are part of that package.

    They have no test images of their own: a fifth is held out.
    """
    images, labels = call(_read_digits)
    # Published in 0 to 16.
    pixels = np.rint(images * (255 / 16)).astype(np.uint8)
    source = ArraySource(pixels, labels.astype(np.int64))
    train, test = hold_out_test(source, None, "digits", DIGITS)
    return Dataset("digits", train, test, DIGITS, "scikit-learn")


def _read_digits() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_digits as load

    digits = load()
    return digits.images, digits.target
