"""A loaded data set, and stratified draws from it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from framework.config.catalog import PATH_DATASETS
from framework.data.source import Source, SourceT
from framework.errors import RunError
from framework.utils.worker_processes import call

# Share of the images held out for testing where a data set has no test images of its own.
TEST_FRACTION = 0.2
# Where all images are only tested on, as in an evaluation.
ALL = 1.0

# How many class names an error lists.
MAX_NAMES = 5


@dataclass(frozen=True)
class UnlabeledImages:
    """The images of a competition's test set, whose labels are not published.

    Args:
        source: The images; their labels are not used.
        ids: What `submission.csv` calls each of them.
        columns: Its header: the names of the columns of IDs and of predicted classes.
    """

    source: Source
    ids: tuple[str, ...]
    columns: tuple[str, str] = ("ImageId", "Label")


@dataclass(frozen=True)
class Dataset:
    """A data set with its training and test images.

    Args:
        name: What was really loaded, as a config names it.
        train: The images to train on.
        test: The images that are only tested on.
        class_names: One name for each label, in the order of the labels.
        location: Where it was loaded from, for people.
        validation: The images to validate on; `None`: some of `train` are held out.
        unlabeled: Images without known labels, predicted in `submission.csv`.
        remarks: One sentence on each thing that a user should know, such as skipped files.
        excluded: `train`, `val` or `test` -> `(k,)` int64, images that the user leaves out.
    """

    name: str
    train: Source
    test: Source
    class_names: tuple[str, ...]
    location: str
    validation: Source | None = None
    unlabeled: UnlabeledImages | None = None
    remarks: tuple[str, ...] = ()
    excluded: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """What people call it: the user's own by the name of its folder or file."""
        return title_dataset(self.name, self.location)

    def find_source(self, split: str) -> Source:
        """Return the images of `train`, `val` or `test`; without validation images, `train`."""
        sources = {"train": self.train, "val": self.validation, "test": self.test}
        return sources[split] or self.train

    def list_kept(self, split: str) -> np.ndarray:
        """Return the positions `(k,)` int64 of the images of a split that are not left out."""
        positions = np.arange(len(self.find_source(split).labels))
        return np.setdiff1d(positions, self.excluded.get(split, ()))


def title_dataset(name: str, location: str) -> str:
    """Return what people call a data set; see `Dataset.title`."""
    place = Path(location).resolve().name if name in PATH_DATASETS else ""
    return place or name


class DataUnavailableError(RunError):
    """A data set is missing and can't be downloaded; `if_unavailable` may help."""


def order_classes(dataset: Dataset, class_names: Sequence[str]) -> Dataset:
    """Return a data set with its classes in another order; images sorted by class stay so.

    Args:
        dataset: Is returned as it is if its classes are others, or in that order.
        class_names: The order.
    """
    places = {name: place for place, name in enumerate(class_names)}
    if dataset.class_names == tuple(class_names) or places.keys() != set(dataset.class_names):
        return dataset
    lookup = np.array([places[name] for name in dataset.class_names])

    excluded = {}

    def order(split: str, source: Source) -> Source:
        labels = lookup[source.labels]
        was_sorted = bool((np.diff(source.labels) >= 0).all())
        positions = np.argsort(labels, kind="stable") if was_sorted else np.arange(len(labels))
        left_out = np.isin(positions, dataset.excluded.get(split, ()))
        excluded[split] = np.flatnonzero(left_out)
        return replace(source, labels=labels).select(positions)

    return replace(
        dataset,
        class_names=tuple(class_names),
        train=order("train", dataset.train),
        test=order("test", dataset.test),
        validation=dataset.validation and order("val", dataset.validation),
        excluded=excluded,
    )


def split_stratified(
    positions: np.ndarray,
    labels: np.ndarray,
    seed: int,
    failure: str,
    class_names: Sequence[str],
    **size: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Split positions `(n,)` by scikit-learn's `train_test_split`, stratified by their labels.

    Args:
        positions: What is split.
        labels: `(n,)` int64, positions in `class_names`.
        seed: Decides the draw.
        failure: The beginning of the error's message.
        class_names: One name for each label.
        size: `train_size`, the images of the first part, or `test_size`, the share of the second.

    Raises:
        RunError: There are too few images of a class, or too few in a part for all classes.
    """
    if problem := _find_split_problem(np.bincount(labels), class_names, **size):
        raise RunError(f"{failure}: {problem}")
    return call(_draw_split, positions, labels, seed, size)


def _draw_split(
    positions: np.ndarray, labels: np.ndarray, seed: int, size: Mapping[str, float]
) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.model_selection import train_test_split

    first, second = train_test_split(positions, stratify=labels, random_state=seed, **size)
    return first, second


def _find_split_problem(
    counts: np.ndarray,
    class_names: Sequence[str],
    train_size: float | None = None,
    test_size: float = 0.0,
) -> str:
    """Return why images can't be split, and what would do; an empty text if they can be."""
    total, classes = int(counts.sum()), np.count_nonzero(counts)
    if (counts == 1).any():
        names = [class_names[int(label)] for label in np.flatnonzero(counts == 1)]
        shown = ", ".join(map(repr, names[:MAX_NAMES])) + (" …" if names[MAX_NAMES:] else "")
        unlimited = "" if train_size is None else ", or set no limit"
        return (
            f"there is only 1 image of {shown}, and each class needs 2. Add images, or leave the "
            f"class out{unlimited}."
        )
    if train_size is not None:
        return "" if train_size >= classes else f"expected at least {classes}, one of each class."
    held_out = math.ceil(test_size * total)
    if classes <= held_out <= total - classes:
        return ""
    smallest = int(np.where(counts, counts, total).argmin())
    unit = 10 ** len(str(total))
    if held_out < classes:
        allowed = f"at least {math.ceil(unit * classes / total) / unit}"
    else:
        highest = math.floor(unit * (total - classes) / total)
        while math.ceil(highest / unit * total) > total - classes:  # By rounding.
            highest -= 1
        allowed = f"at most {highest / unit}"
    return (
        f"expected {allowed}, for {classes} classes, of which {class_names[smallest]!r} is the "
        f"smallest, with {counts[smallest]:,} images."
    )


def hold_out_test(
    source: SourceT, fraction: float | None, location: str, class_names: Sequence[str]
) -> tuple[SourceT, SourceT]:
    """Split off the test images of a data set that has none of its own.

    The draw is the same for every seed of a config, so that test accuracies can be compared.

    Args:
        source: All images.
        fraction: The share to hold out; `None`: `TEST_FRACTION`; `ALL`: nothing is trained on.
        location: Where the images are, for the error.
        class_names: One name for each label, for the error.

    Returns:
        The images to train on and those to test on, each in their original order.

    Raises:
        RunError: There are too few images of a class.
    """
    if fraction == ALL:
        return source, source
    share = TEST_FRACTION if fraction is None else fraction
    count = len(source.labels)
    failure = (
        f"{location}: data_config.dataset.test_fraction: {share:g} of {count} images can't be held "
        "out for testing with every class in both parts"
    )
    train, test = split_stratified(
        np.arange(count), source.labels, 0, failure, class_names, test_size=share
    )
    return source.select(np.sort(train)), source.select(np.sort(test))
