"""The predictions of a classifier for one split."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class Predictions:
    """The predictions for the un-augmented images of one split, which has at least one.

    Args:
        indices: `(n,)` int64, the positions in the source's own split.
        true: `(n,)` int64, the true classes.
        probabilities: `(n, classes)` float32. NaN where training diverged.
        loss: The mean loss over the split; may be NaN or infinite.
        novelty: `(n,)` float32, the distance of each image to the training images; `None` if it
            was not measured.
    """

    indices: np.ndarray
    true: np.ndarray
    probabilities: np.ndarray
    loss: float
    novelty: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.true)

    @cached_property
    def predicted(self) -> np.ndarray:
        """`(n,)` int64, the most probable class of each image."""
        return np.asarray(self.probabilities.argmax(axis=1), np.int64)

    @cached_property
    def confidence(self) -> np.ndarray:
        """`(n,)` float32 in [0, 1], the probability of the predicted class."""
        return np.asarray(self.probabilities.max(axis=1))

    @cached_property
    def correct(self) -> np.ndarray:
        """`(n,)` bool."""
        return np.asarray(self.predicted == self.true)

    @cached_property
    def confusion_matrix(self) -> np.ndarray:
        """`(classes, classes)` int64: rows are true classes, columns predicted ones."""
        classes = self.probabilities.shape[1]
        cells = self.true * classes + self.predicted
        return np.bincount(cells, minlength=classes**2).reshape(classes, classes)
