"""Which images train, which validate, which test."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from framework.config.model import DataConfig
from framework.data.augmentation import Augmentation
from framework.data.dataset import Dataset, split_stratified
from framework.data.images import Images
from framework.data.source import Source


@dataclass(frozen=True)
class Splits:
    """The disjoint selections of a run; only `training` is augmented.

    `validation` is held out of the source of `training`, or is a source of its own.
    """

    training: Images
    validation: Images
    test: Images

    def by_name(self) -> Mapping[str, Images]:
        """Return the labeled selections under the names of `metrics.json`."""
        return {"training": self.training, "validation": self.validation, "test": self.test}


def split_dataset(dataset: Dataset, config: DataConfig, seed: int) -> Splits:
    """Draw training, validation and test images, seeded and stratified by class.

    Raises:
        RunError: There are too few images of a class.
    """
    names = dataset.class_names
    train = _draw(dataset, "train", config.limit.train, seed)
    # The same for every seed, so that test accuracies can be compared.
    test = _draw(dataset, "test", config.limit.test, 0)
    if dataset.validation is None:
        share = config.validation_fraction
        failure = (
            f"data_config.validation_fraction: {share} of {len(train)} training images can't be "
            "held out with every class in both parts"
        )
        labels = dataset.train.labels[train]
        train, held_out = split_stratified(train, labels, seed, failure, names, test_size=share)
        validation = (dataset.train, held_out)
    else:
        validation = (dataset.validation, dataset.list_kept("val"))
    augmentation = (
        Augmentation(config.data_augmentation, seed) if config.data_augmentation else None
    )

    def select(
        source: Source, indices: np.ndarray, augmentation: Augmentation | None = None
    ) -> Images:
        shape = config.image_shape.as_tuple
        order = np.sort(indices)
        return Images(source, order, shape, config.resize, augmentation, dataset.title)

    return Splits(
        training=select(dataset.train, train, augmentation),
        validation=select(*validation),
        test=select(dataset.test, test),
    )


def _draw(dataset: Dataset, split: str, limit: int | None, seed: int) -> np.ndarray:
    """Draw images `(k,)` int64 of `train` or `test`, without those that are left out."""
    positions = dataset.list_kept(split)
    labels = dataset.find_source(split).labels[positions]
    if limit is None or limit >= len(positions):
        return positions
    counts, spare = np.bincount(labels), len(positions) - limit
    largest = np.argsort(-counts, kind="stable")[:spare]
    if spare < np.count_nonzero(counts) and counts[largest].min() > 1:
        # scikit-learn would leave out an image of each class, or none.
        random = np.random.default_rng(seed)
        left_out = [random.choice(np.flatnonzero(labels == label)) for label in largest]
        return np.delete(positions, left_out)
    failure = (
        f"data_config.limit.{split}: {limit} of {len(positions)} images can't be drawn with "
        "every class among them"
    )
    names = dataset.class_names
    return split_stratified(positions, labels, seed, failure, names, train_size=limit)[0]
