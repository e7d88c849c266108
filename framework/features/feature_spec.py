"""What the features of one image look like."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class FeatureSpec:
    """One of the arrays that cross the cut.

    Args:
        shape: Shape of one image's features, without the batch axis.
        dtype: NumPy's name of the dtype.
    """

    shape: tuple[int, ...]
    dtype: str

    @property
    def bytes_per_image(self) -> int:
        """Bytes that the features of one image take."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize


def count_bytes_per_image(specs: Iterable[FeatureSpec]) -> int:
    """Return bytes that all features of one image take."""
    return sum(spec.bytes_per_image for spec in specs)
