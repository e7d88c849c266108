"""What is odd about a data set, said before anybody believes a figure made from it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from framework.data.dataset import Dataset
from framework.data.images import Images
from framework.data.source import ArraySource
from framework.errors import RunError

# How many names a remark lists.
NAMED = 5


def inspect_dataset(dataset: Dataset) -> tuple[str, ...]:
    """Look for what makes a classifier's figures worth less than they seem.

    Returns:
        A sentence on each thing found; what can be trained on all the same is kept.

    Raises:
        RunError: There is nothing to tell apart: all training images are of one class.
    """
    counts = np.bincount(dataset.train.labels, minlength=len(dataset.class_names))
    if np.count_nonzero(counts) < 2:
        raise RunError(
            f"{dataset.location}: all training images are of one class, "
            f"{dataset.class_names[counts.argmax()]!r}. Expected at least two."
        )
    remarks = []
    tested = np.bincount(dataset.test.labels, minlength=len(dataset.class_names))
    for split, found in (("training", counts), ("test", tested)):
        missing = [dataset.class_names[label] for label in np.flatnonzero(found == 0)]
        if missing:
            remarks.append(f"class without {split} images: {_list_names(missing)}")
    trained_on = set(dataset.train.digests)
    shared = sum(digest in trained_on for digest in dataset.test.digests)
    if shared:
        remarks.append(
            f"test images that are training images too, bit by bit: {shared:,} of "
            f"{len(dataset.test.labels):,}; the test accuracy is flattered by them"
        )
    plain = sum(map(_count_plain, (dataset.train, dataset.test)))
    if plain:
        remarks.append(f"images of a single color, kept: {plain:,}")
    return tuple(remarks)


def inspect_training(training: Images, validation: Images, batch_size: int) -> tuple[str, ...]:
    """Look for what makes a training less than it seems; returns a sentence on each thing.

    Args:
        training: The images to learn from.
        validation: Images held out of the same source.
        batch_size: Images in a step of the optimizer.
    """
    notes = []
    if len(training) < batch_size:
        notes.append(
            f"fewer training images ({len(training):,}) than a batch holds ({batch_size:,}): "
            "every epoch is a single step"
        )
    digests = training.source.digests
    trained_on = {digests[index] for index in training.indices}
    shared = sum(digests[index] in trained_on for index in validation.indices)
    if shared:
        notes.append(
            f"validation images that are training images too, bit by bit: {shared:,} of "
            f"{len(validation):,}; the validation accuracy is flattered by them"
        )
    return tuple(notes)


def _list_names(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(map(repr, names[:NAMED])) + more


def _count_plain(source: object) -> int:
    """Return how many images in memory are of one color; image files are checked elsewhere."""
    if not isinstance(source, ArraySource):
        return 0
    pixels = source.images.reshape(len(source.images), -1)
    return int(np.count_nonzero(pixels.min(axis=1) == pixels.max(axis=1)))
