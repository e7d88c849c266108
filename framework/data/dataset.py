"""A loaded data set, and stratified draws from it."""

from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import train_test_split

from framework.data.source import Source, SourceT
from framework.errors import RunError

# Share of the images held out for testing where a data set has no test images of its own.
TEST_FRACTION = 0.2


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
    """

    name: str
    train: Source
    test: Source
    class_names: tuple[str, ...]
    location: str
    validation: Source | None = None
    unlabeled: UnlabeledImages | None = None
    remarks: tuple[str, ...] = ()


class DataUnavailableError(RunError):
    """A data set is missing and can't be downloaded; `if_unavailable` may help."""


def split_stratified(
    positions: np.ndarray, labels: np.ndarray, seed: int, failure: str, **size: float
) -> tuple[np.ndarray, np.ndarray]:
    """Split positions `(n,)` by scikit-learn's `train_test_split`, stratified by their labels.

    Raises:
        RunError: There are too few images of a class; the message begins with `failure`.
    """
    try:
        first, second = train_test_split(positions, stratify=labels, random_state=seed, **size)
    except ValueError as error:
        raise RunError(f"{failure}: {error}") from error
    return first, second


def hold_out_test(
    source: SourceT, fraction: float | None, location: str
) -> tuple[SourceT, SourceT]:
    """Split off the test images of a data set that has none of its own.

    The draw is the same for every seed of a config, so that test accuracies can be compared.

    Args:
        source: All images.
        fraction: The share to hold out; `None`: `TEST_FRACTION`.
        location: Where the images are, for the error.

    Returns:
        The images to train on and those to test on, each in their original order.

    Raises:
        RunError: There are too few images of a class.
    """
    share = TEST_FRACTION if fraction is None else fraction
    count = len(source.labels)
    failure = (
        f"{location}: {share:.0%} of {count} images can't be held out for testing with every "
        "class in both parts"
    )
    train, test = split_stratified(np.arange(count), source.labels, 0, failure, test_size=share)
    return source.select(np.sort(train)), source.select(np.sort(test))
