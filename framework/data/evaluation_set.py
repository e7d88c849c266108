"""Labeled images to measure a finished classifier on."""

from dataclasses import dataclass, replace

from framework.data.dataset import ALL, Dataset
from framework.data.registry import find_dataset, read_dataset
from framework.data.source import Source


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
    config = find_dataset(text)
    if config.path is not None:
        config = replace(config, test_fraction=ALL)
    dataset = read_dataset(config)
    remarks = dataset.remarks
    if not _holds_all(dataset):
        counts = f"{len(dataset.test.labels):,} test images"
        remarks = (*remarks, f"{text} is divided into splits: the {counts} count")
    return EvaluationSet(text, dataset.test, dataset.class_names, remarks)


def _holds_all(dataset: Dataset) -> bool:
    """Return whether no image was left aside."""
    return dataset.train is dataset.test and dataset.validation is None
