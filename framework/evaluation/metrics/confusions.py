"""The entries of a confusion matrix."""

from typing import NamedTuple

import numpy as np

MAX_CLASSES_WITH_NUMBERS = 20
"""Beyond them the cells of a matrix show colors only."""


class Confusion(NamedTuple):
    """Images of a class that were predicted as another one; `share` is that of the true class."""

    true: int
    predicted: int
    images: int
    share: float


def find_confusions(matrix: np.ndarray, limit: int) -> list[Confusion]:
    """List at most `limit` confusions with a count above zero, the most frequent first.

    Args:
        matrix: `(classes, classes)` int64, rows true, columns predicted.
        limit: The maximal number of confusions.
    """
    errors, shares = np.array(matrix), normalize_rows(matrix)
    np.fill_diagonal(errors, 0)
    order = np.argsort(-errors, axis=None, kind="stable")[: min(limit, np.count_nonzero(errors))]
    rows, columns = np.unravel_index(order, errors.shape)
    return [
        Confusion(true, predicted, int(errors[true, predicted]), float(shares[true, predicted]))
        for true, predicted in zip(rows.tolist(), columns.tolist(), strict=True)
    ]


def normalize_rows(matrix: np.ndarray) -> np.ndarray:
    """Return each cell's share of its true class, in [0, 1]; 0 for a class without images."""
    shares: np.ndarray = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    return shares
