"""What images look like, as far as the choice of a config depends on it."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from PIL import Image

from framework.config.model import DatasetConfig
from framework.data.appearance import Appearance, measure_appearance
from framework.data.dataset import Dataset
from framework.data.registry import load_dataset
from framework.data.source import FolderSource, Source
from framework.errors import RunError

Kind = Literal["characters", "drawings", "photographs", "gray photographs"]


@dataclass(frozen=True)
class ImageSurvey:
    """What is to know of a data set.

    Args:
        dataset: The images.
        config: Where they are.
        sizes: `(n, 2)` int64, rows and columns of each file, or of all images.
        appearance: Of the training images.
    """

    dataset: Dataset
    config: DatasetConfig
    sizes: np.ndarray
    appearance: Appearance

    @property
    def kind(self) -> Kind:
        """What is in the images."""
        if not self.appearance.gray:
            return "photographs"
        if self.appearance.polarity is None:
            return "gray photographs"
        return "drawings" if self.appearance.framing is None else "characters"

    @property
    def is_flat(self) -> bool:
        """Whether the images are characters or drawings on a plain background."""
        return self.kind in ("characters", "drawings")

    @property
    def classes(self) -> int:
        """The number of classes."""
        return len(self.dataset.class_names)

    @cached_property
    def class_counts(self) -> np.ndarray:
        """The training images of each class, `(classes,)` int64."""
        return np.bincount(self.dataset.train.labels, minlength=self.classes)

    @property
    def training_images(self) -> int:
        """Images to train and, without validation images, to validate on."""
        return len(self.dataset.train.labels)

    @property
    def other_images(self) -> int:
        """Images to validate and to test on."""
        validation = self.dataset.validation
        return len(self.dataset.test.labels) + (0 if validation is None else len(validation.labels))

    @property
    def usual_side(self) -> int:
        """The median of the shorter sides, in pixels."""
        return int(np.median(self.sizes.min(axis=1)))

    @property
    def square_share(self) -> float:
        """The share of images whose sides differ by less than a twentieth."""
        longer, shorter = self.sizes.max(axis=1), self.sizes.min(axis=1)
        return float(np.mean(longer < 1.05 * shorter))


def survey_images(config: DatasetConfig) -> ImageSurvey:
    """Load a data set, and look at its images.

    Raises:
        RunError: It can't be loaded, or a class has too few images to validate on.
    """
    dataset, _ = load_dataset(config)
    counts = np.bincount(dataset.train.labels, minlength=len(dataset.class_names))
    if dataset.validation is None and counts.min() < 2:
        name = dataset.class_names[int(counts.argmin())]
        raise RunError(
            f"{dataset.location}: {name!r} has {counts.min()} training images, and one must be "
            "held out to validate on. Add images of it, or leave the class out."
        )
    sizes = _measure_sizes(dataset.train)
    return ImageSurvey(dataset, config, sizes, measure_appearance(dataset.train))


def _measure_sizes(source: Source) -> np.ndarray:
    if not isinstance(source, FolderSource):
        return np.array([source.images.shape[1:3]])
    sizes = []
    for path in source.paths:
        with Image.open(path) as image:  # Only the header is read.
            sizes.append(image.size[::-1])
    return np.array(sizes)
