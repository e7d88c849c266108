"""Class counts of the data, and images of each class."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from framework.data.images import Images

MAX_CLASSES_IN_ROWS = 20
MAX_CLASSES = 120
_SAMPLES_PER_CLASS = 6


@dataclass(frozen=True)
class DataOverview:
    """What a figure of the data shows.

    Args:
        class_names: The name of each class.
        counts: Split -> `(classes,)` int64, its images of each class; shown in this order.
        samples: For the plain images, and for augmented ones where there are any,
            `(classes, each, rows, columns, channels)` float32 in [0, 255].
    """

    class_names: Sequence[str]
    counts: Mapping[str, np.ndarray]
    samples: Sequence[np.ndarray]

    @property
    def views(self) -> int:
        """1 for the plain images, 2 for augmented ones as well."""
        return len(self.samples)

    @property
    def in_rows(self) -> bool:
        """Whether each class has a row of images, not a single one."""
        return len(self.class_names) <= MAX_CLASSES_IN_ROWS


def collect_overview(
    images: Mapping[str, Images], class_names: Sequence[str], augmented: bool
) -> DataOverview:
    """Count the images of each class, and read some of them.

    Args:
        images: Split -> its images.
        class_names: The name of each class.
        augmented: Whether to read augmented views of the images as well.
    """
    classes = len(class_names)
    counts = {split: np.bincount(some.labels, minlength=classes) for split, some in images.items()}
    each = _SAMPLES_PER_CLASS if classes <= MAX_CLASSES_IN_ROWS else 1
    samples = [
        _read_samples(images["training"], min(classes, MAX_CLASSES), each, view)
        for view in range(2 if augmented else 1)
    ]
    return DataOverview(class_names, counts, samples)


def _read_samples(images: Images, classes: int, each: int, view: int) -> np.ndarray:
    """Read the first images of each class; white where a class has fewer.

    Returns:
        `(classes, each, rows, columns, channels)` float32 in [0, 255].
    """
    first = images.read(np.zeros(1, dtype=np.int64), view)
    tiles = np.full((classes, each, *first.shape[1:]), 255.0, dtype=np.float32)
    for label in range(classes):
        positions = np.flatnonzero(images.labels == label)[:each]
        if len(positions):
            tiles[label, : len(positions)] = images.read(positions, view)
    return tiles
