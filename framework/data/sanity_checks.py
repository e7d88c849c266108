"""Checks for what makes results look better than they are, or training fail."""

from collections.abc import Collection, Iterable, Sequence

import numpy as np

from framework.data.dataset import Dataset
from framework.data.images import Images
from framework.data.source import ArraySource, Source
from framework.errors import RunError

# How many class names a remark lists.
MAX_NAMES = 5


def inspect_dataset(dataset: Dataset) -> tuple[str, ...]:
    """Check a data set for missing classes, copies and images of one color.

    Returns:
        One sentence for each thing found; the data set can be used all the same.

    Raises:
        RunError: All training images are of one class.
    """
    names = dataset.class_names
    train, test = (_select_kept(dataset, split) for split in ("train", "test"))
    trained = np.bincount(train.labels, minlength=len(names))
    tested = np.bincount(test.labels, minlength=len(names))
    if np.count_nonzero(trained) < 2:
        raise RunError(
            f"{dataset.location}: all training images are of one class, "
            f"{names[trained.argmax()]!r}. Expected at least two."
        )
    remarks = [
        f"class without {split} images: {_list_names([names[label] for label in missing])}"
        for split, counts in (("training", trained), ("test", tested))
        if len(missing := np.flatnonzero(counts == 0))
    ]
    remarks += _find_copies("test", test.digests, train.digests)
    plain = sum(map(_count_single_color, (train, test)))
    if plain:
        remarks.append(f"images of a single color, kept: {plain:,}")
    return tuple(remarks)


def _select_kept(dataset: Dataset, split: str) -> Source:
    """Return the images of a split without those that are left out."""
    source = dataset.find_source(split)
    left_out = len(dataset.excluded.get(split, ()))
    return source.select(dataset.list_kept(split)) if left_out else source


def inspect_training(training: Images, validation: Images, batch_size: int) -> tuple[str, ...]:
    """Check the images of a run for copies across splits and for batches that are too large.

    Args:
        training: The images to train on.
        validation: The images to validate on.
        batch_size: Images in a step of the optimizer.

    Returns:
        One sentence for each thing found.
    """
    notes = []
    if len(training) < batch_size:
        notes.append(
            f"fewer training images ({len(training):,}) than a batch holds ({batch_size:,}): "
            "every epoch is a single step"
        )
    notes += _find_copies("validation", validation.digests, training.digests)
    return tuple(notes)


def _find_copies(split: str, digests: Collection[str], training: Iterable[str]) -> list[str]:
    """Return a sentence on images of a split that are training images, if there are any."""
    trained_on = set(training)
    copies = sum(digest in trained_on for digest in digests)
    if not copies:
        return []
    return [
        f"{split} images identical to a training image: {copies:,} of {len(digests):,}; the "
        f"{split} accuracy looks better than it is"
    ]


def _list_names(names: Sequence[str]) -> str:
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return ", ".join(map(repr, names[:MAX_NAMES])) + more


def _count_single_color(source: Source) -> int:
    """Return how many images in memory are of one color; image files are checked on loading."""
    if not isinstance(source, ArraySource):
        return 0
    pixels = source.images.reshape(len(source.images), -1)
    return int(np.count_nonzero(pixels.min(axis=1) == pixels.max(axis=1)))
