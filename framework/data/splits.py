"""Which images train, which validate, which test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import train_test_split

from framework.config.model import DataConfig
from framework.data.augmentation import Augmentation
from framework.data.dataset import Dataset
from framework.data.images import Images
from framework.data.source import Source
from framework.errors import RunError


@dataclass(frozen=True)
class Splits:
    """The three disjoint selections of a run; only `training` is augmented.

    `unlabeled` are the images of a competition's test set, whose labels nobody knows.
    """

    training: Images
    validation: Images
    test: Images
    unlabeled: Images | None = None

    def by_name(self) -> Mapping[str, Images]:
        """Return the selections under the names of `metrics.json`."""
        return {"training": self.training, "validation": self.validation, "test": self.test}


def split_dataset(dataset: Dataset, config: DataConfig, seed: int) -> Splits:
    """Draw training, validation and test images, seeded and stratified by class.

    Raises:
        RunError: There are too few images of a class to share them out.
    """
    train = _draw(dataset.train, config.limit.train, seed, "train")
    test = _draw(dataset.test, config.limit.test, seed, "test")
    labels = dataset.train.labels[train]
    try:
        kept, held_out = train_test_split(
            train, test_size=config.validation_fraction, stratify=labels, random_state=seed
        )
    except ValueError as error:
        raise RunError(
            f"data_config.validation_fraction: {config.validation_fraction} of {len(train)} "
            f"training images can't be held out with every class in both parts: {error}"
        ) from error
    augmentation = (
        Augmentation(config.data_augmentation, seed) if config.data_augmentation else None
    )

    def select(source: Source, indices: np.ndarray, how: Augmentation | None = None) -> Images:
        return Images(source, np.sort(indices), config.image_shape.as_tuple, config.resize, how)

    return Splits(
        training=select(dataset.train, kept, augmentation),
        validation=select(dataset.train, held_out),
        test=select(dataset.test, test),
        unlabeled=select(dataset.unlabeled, np.arange(len(dataset.unlabeled.labels)))
        if dataset.unlabeled
        else None,
    )


def _draw(source: Source, limit: int | None, seed: int, split: str) -> np.ndarray:
    drawn: np.ndarray
    everything = np.arange(len(source.labels))
    if limit is None or limit >= len(everything):
        return everything
    try:
        drawn, _ = train_test_split(
            everything, train_size=limit, stratify=source.labels, random_state=seed
        )
    except ValueError as error:
        raise RunError(
            f"data_config.limit.{split}: {limit} of {len(everything)} images can't be drawn "
            f"with every class among them: {error}"
        ) from error
    return drawn
