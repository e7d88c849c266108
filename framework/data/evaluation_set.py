"""Labeled images to measure a finished classifier on."""

from dataclasses import dataclass
from pathlib import Path

from framework.config.catalog import DATASETS, PATH_DATASETS
from framework.config.model import DatasetConfig
from framework.config.suggestions import format_hint
from framework.data.dataset import ALL, Dataset
from framework.data.registry import read_dataset
from framework.data.source import Source
from framework.data.sources.table_reader import TABLE_ENDINGS
from framework.errors import UsageError


@dataclass(frozen=True)
class EvaluationSet:
    """Labeled images.

    Args:
        name: What they are, for people.
        source: The images.
        class_names: One name for each label.
        remarks: One sentence on each thing that a user should know, such as skipped files.
    """

    name: str
    source: Source
    class_names: tuple[str, ...]
    remarks: tuple[str, ...]


def load_evaluation_set(text: str) -> EvaluationSet:
    """Load labeled images: the test images, or all images where nothing is called a split.

    Args:
        text: A folder of class folders, a table, an `.npz` archive, or the name of a data set.

    Raises:
        UsageError: There is nothing of that name.
        RunError: The images can't be loaded.
    """
    dataset = read_dataset(_describe(text))
    remarks = dataset.remarks
    if not _holds_all(dataset):
        counts = f"{len(dataset.test.labels):,} test images"
        remarks = (*remarks, f"{text} is divided into splits: the {counts} count")
    return EvaluationSet(text, dataset.test, dataset.class_names, remarks)


def _holds_all(dataset: Dataset) -> bool:
    """Return whether no image was left aside."""
    return dataset.train is dataset.test and dataset.validation is None


def _describe(text: str) -> DatasetConfig:
    path = Path(text).expanduser()
    if path.is_dir():
        tables = any(any(path.glob(f"*{ending}")) for ending in TABLE_ENDINGS)
        has_folders = any(child.is_dir() for child in path.iterdir())
        name = "csv" if tables and not has_folders else "folder"
        return DatasetConfig(name, str(path), test_fraction=ALL)
    if path.is_file():
        name = "npz" if path.suffix.lower() == ".npz" else "csv"
        return DatasetConfig(name, str(path), test_fraction=ALL)
    named = [name for name in DATASETS if name not in PATH_DATASETS]
    if text in named:
        return DatasetConfig(text)
    hint = format_hint(text, named, f"Data sets: {', '.join(named)}.")
    raise UsageError(
        f"there is no folder, table or data set {text!r}. Expected a folder with a folder for each "
        f"class, a table of files and labels, or the name of a data set. {hint}"
    )
