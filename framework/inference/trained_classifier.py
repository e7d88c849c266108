"""`TrainedClassifier`, the classifier of a finished run: images in, class names out."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from framework.config.catalog import COVERAGE
from framework.inference.image_input import ImageLike, list_images, open_image
from framework.inference.picture_reader import Frame, PictureReader, PreparedPicture, ReadOptions
from framework.inference.polarity import Invert, describe_inversion
from framework.inference.prediction import Prediction
from framework.inference.run_summary import read_summary
from framework.inference.trained_network import BATCH_SIZE, TrainedNetwork
from framework.models.classifier import load_classifier_file
from framework.runs.run_directory import MODEL_FILE, verify_model_file

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainedClassifier(TrainedNetwork):
    """The classifier of a finished run."""

    def predict(
        self,
        images: ImageLike | Iterable[ImageLike],
        *,
        invert: Invert = "auto",
        frame: Frame = "auto",
        coverage: float = COVERAGE,
        top: int = 3,
    ) -> list[Prediction]:
        """Predict what each image holds.

        Args:
            images: One image or several, of any size: paths, folders, whose images come in the
                order of their names, open binary files, Pillow images, or arrays
                `(rows, columns)`, `(rows, columns, 1)` or `(rows, columns, 3)`, RGB, uint8 or
                float, in [0, 255]. An array of four axes, or of three of which the last is
                longer than 4, holds several.
            invert: Whether images are inverted; `"auto"`: gray ones whose background is dark
                where that of the training images is light, or light where it is dark.
            frame: Whether characters are found in a picture, and framed as the training images
                are; `"auto"`: if these are framed characters, and the picture has another size.
            coverage: The share of validation images that are known; what is further from the
                training images than they are is `"unknown"`. 1: everything is known.
            top: How many of the most probable classes to name, 1 or more.

        Returns:
            A prediction for each image, in order.

        Raises:
            RunError: An image can't be read, an array is no image, or an option has another value
                than it can.
        """
        reader = PictureReader(self, ReadOptions(invert, frame, coverage, top))
        return [
            prediction
            for pictures in self._prepare(images, reader, invert)
            for prediction in reader.read(pictures)
        ]

    def predict_probabilities(
        self,
        images: ImageLike | Iterable[ImageLike],
        *,
        invert: Invert = "auto",
        frame: Frame = "auto",
    ) -> np.ndarray:
        """Compute the probability of every class.

        Args:
            images: As for `predict`.
            invert: As for `predict`.
            frame: As for `predict`.

        Returns:
            `(n, classes)` float32, in the order of `class_names`; of an image with no character,
            or several, those of the whole image.
        """
        reader = PictureReader(self, ReadOptions(invert, frame))
        batches = [np.empty((0, len(self.class_names)), np.float32)]
        for pictures in self._prepare(images, reader, invert):
            batches.append(self.compute([picture.single for picture in pictures]).probabilities)
        return np.concatenate(batches)

    def _prepare(
        self, images: ImageLike | Iterable[ImageLike], reader: PictureReader, invert: Invert
    ) -> Iterator[list[PreparedPicture]]:
        """Yield images in batches, and say at the end how many were inverted."""
        inputs, inverted = list_images(images), 0
        for first in range(0, len(inputs), BATCH_SIZE):
            batch = inputs[first : first + BATCH_SIZE]
            pictures = [reader.prepare(open_image(image)) for image in batch]
            inverted += sum(picture.inverted for picture in pictures)
            yield pictures
        if inverted and invert == "auto":
            logger.warning(describe_inversion(inverted, self.appearance, 'invert="no"'))


def load_classifier(run: str | Path) -> TrainedClassifier:
    """Load the classifier of a finished run.

    Args:
        run: A run directory, or a folder of runs such as `results/vgg16`: then the newest
            finished run in it.

    Returns:
        The classifier, ready to predict.

    Raises:
        RunError: There is no such run, its records or its model are missing or damaged, or it
            was written by a newer version of the framework.
    """
    summary = read_summary(run)
    model_file = verify_model_file(summary.run / MODEL_FILE)
    return TrainedClassifier(**vars(summary), classifier=load_classifier_file(model_file))
