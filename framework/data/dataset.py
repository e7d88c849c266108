"""What every data set comes down to, wherever it was read from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import train_test_split

from framework.data.source import Source
from framework.errors import RunError

# Share of the images that is tested on where a data set has no test images of its own.
TEST_FRACTION = 0.2


@dataclass(frozen=True)
class Dataset:
    """A data set, split into what is trained and what is tested on.

    Args:
        name: What was really loaded, as a config names it.
        train: What may be trained on.
        test: What is only ever tested on.
        class_names: One name a label, in the order of the labels.
        location: Where it was loaded from, for people.
        unlabeled: Images without known labels, predicted in `submission.csv`.
        remarks: One sentence on each thing that a user should know, such as skipped files.
    """

    name: str
    train: Source
    test: Source
    class_names: tuple[str, ...]
    location: str
    unlabeled: Source | None = None
    remarks: tuple[str, ...] = ()


class DataUnavailableError(RunError):
    """A data set is not here and can't be fetched; `if_unavailable` may help."""


def hold_out_test(
    labels: np.ndarray, fraction: float | None, place: str
) -> tuple[np.ndarray, np.ndarray]:
    """Draw the test images of a data set that came without.

    The draw is stratified by class and the same for every seed of a config, so that
    test accuracies can be compared.

    Args:
        labels: `(n,)` int64.
        fraction: The share to draw; `None`: `TEST_FRACTION`.
        place: Where the images are, for the error.

    Returns:
        Positions to train on and positions to test on, int64, ascending.

    Raises:
        RunError: There are too few images of a class.
    """
    share = TEST_FRACTION if fraction is None else fraction
    try:
        train, test = train_test_split(
            np.arange(len(labels)), test_size=share, stratify=labels, random_state=0
        )
    except ValueError as error:
        raise RunError(
            f"{place}: {share:.0%} of {len(labels)} images can't be held out for testing with "
            f"every class in both parts: {error}"
        ) from error
    return np.sort(train), np.sort(test)
