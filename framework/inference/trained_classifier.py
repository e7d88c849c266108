"""`TrainedClassifier`, the classifier of a finished run: images in, class names out."""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from io import BufferedIOBase, BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image, ImageOps

from framework.data.image_files import normalize_mode, read_image
from framework.data.images import match_channels, prepare_image
from framework.errors import RunError
from framework.inference.polarity import (
    Invert,
    check_invert,
    describe_inversion,
    needs_inversion,
)
from framework.inference.run_summary import RunSummary, read_summary
from framework.models.classifier import Classifier, load_classifier_file
from framework.runs.run_directory import MODEL_FILE, verify_model_file

ImageLike = str | Path | BufferedIOBase | Image.Image | np.ndarray

logger = logging.getLogger(__name__)

BATCH_SIZE = 64


@dataclass(frozen=True)
class Prediction:
    """The prediction for one image.

    Args:
        predicted: The most probable class.
        confidence: Its probability, in 0 to 1.
        top: The most probable classes with their probabilities, in descending order.
    """

    predicted: str
    confidence: float
    top: tuple[tuple[str, float], ...]

    def describe(self) -> dict[str, Any]:
        """Return the prediction, ready for JSON."""
        return {
            "predicted": self.predicted,
            "confidence": self.confidence,
            "top": [{"class": name, "probability": value} for name, value in self.top],
        }


@dataclass(frozen=True)
class TrainedClassifier(RunSummary):
    """The classifier of a finished run.

    Args:
        classifier: The network, with its class names.
    """

    classifier: Classifier

    @property
    def class_names(self) -> tuple[str, ...]:
        """One name for each probability, in order."""
        return self.classifier.class_names

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """`(rows, columns, channels)` of the network's input."""
        return self.classifier.image_shape

    def predict(
        self,
        images: ImageLike | Iterable[ImageLike],
        *,
        invert: Invert = "auto",
        top: int = 3,
    ) -> list[Prediction]:
        """Predict the class of each image.

        Args:
            images: One image or several, of any size: paths, open binary files, Pillow images, or
                arrays `(rows, columns)`, `(rows, columns, 1)` or `(rows, columns, 3)`, RGB,
                uint8 or float, in [0, 255]. An array of four axes, or of three of which the last
                is longer than 4, holds several.
            invert: Whether images are inverted; `"auto"`: gray ones whose background is dark
                where that of the training images is light, or light where it is dark.
            top: How many of the most probable classes to name, 1 or more.

        Raises:
            RunError: An image can't be read, an array is no image, or `invert` or `top` is none
                of those values.
        """
        if not isinstance(top, int) or top < 1:
            raise RunError(f"top: expected an integer of 1 or more. Found {top!r}.")
        return self.name_classes(self.predict_probabilities(images, invert=invert), top)

    def predict_probabilities(
        self, images: ImageLike | Iterable[ImageLike], *, invert: Invert = "auto"
    ) -> np.ndarray:
        """Compute the probability of every class; see `predict`.

        Returns:
            `(n, classes)` float32, in the order of `class_names`.
        """
        check_invert(invert)
        inputs = _list_images(images)
        batches = [np.empty((0, len(self.class_names)), np.float32)]
        inverted = 0
        for first in range(0, len(inputs), BATCH_SIZE):
            batch = inputs[first : first + BATCH_SIZE]
            prepared, flags = zip(
                *(self.prepare_inverted(image, invert) for image in batch), strict=True
            )
            inverted += sum(flags)
            batches.append(self.predict_prepared(prepared))
        if inverted and invert == "auto":
            logger.warning(describe_inversion(inverted, self.appearance, 'invert="no"'))
        return np.concatenate(batches)

    def prepare(self, image: ImageLike, invert: Invert = "auto") -> np.ndarray:
        """Read and resize one image as in training.

        Returns:
            `(rows, columns, 1)` or `(rows, columns, 3)` uint8, in [0, 255].
        """
        return self.prepare_inverted(image, invert)[0]

    def prepare_inverted(self, image: ImageLike, invert: Invert) -> tuple[np.ndarray, bool]:
        """Prepare one image; see `prepare`. Also return whether it was inverted."""
        opened = _open_image(image)
        inverted = needs_inversion(opened, invert, self.appearance)
        if inverted:
            opened = ImageOps.invert(opened)
        resize = self.config.data_config.resize
        return prepare_image(opened, self.image_shape, resize), inverted

    def predict_prepared(self, prepared: Sequence[np.ndarray]) -> np.ndarray:
        """Run the network on images from `prepare`, all in one batch.

        Returns:
            `(n, classes)` float32.
        """
        channels = self.image_shape[-1]
        batch = np.stack([match_channels(image[np.newaxis], channels)[0] for image in prepared])
        probabilities: np.ndarray = self._forward(batch.astype(np.float32)).numpy()
        return probabilities

    def name_classes(self, probabilities: np.ndarray, top: int = 3) -> list[Prediction]:
        """Turn probabilities `(n, classes)` into predictions."""
        predictions = []
        for row in probabilities:
            order = np.argsort(-row, kind="stable")
            ranked = tuple((self.class_names[label], float(row[label])) for label in order[:top])
            best = int(row.argmax())
            predictions.append(Prediction(self.class_names[best], float(row[best]), ranked))
        return predictions

    @cached_property
    def _forward(self) -> Callable[[np.ndarray], Any]:
        model = self.classifier.model
        signature = [tf.TensorSpec(model.input_shape, "float32")]
        forward: Callable[[np.ndarray], Any] = tf.function(
            lambda batch: model(batch, training=False), input_signature=signature
        )
        return forward


def load_classifier(run: str | Path) -> TrainedClassifier:
    """Load the classifier of a finished run; see `read_summary`.

    Raises:
        RunError: There is no such run, its records or its model are missing or damaged, or it
            was written by a newer version of the framework.
    """
    summary = read_summary(run)
    model_file = verify_model_file(summary.run / MODEL_FILE)
    return TrainedClassifier(**vars(summary), classifier=load_classifier_file(model_file))


def _list_images(images: ImageLike | Iterable[ImageLike]) -> list[ImageLike]:
    if isinstance(images, str | Path | Image.Image | BufferedIOBase):
        return [images]
    if isinstance(images, np.ndarray):
        several = images.ndim == 4 or (images.ndim == 3 and images.shape[-1] > 4)
        return list(images) if several else [images]
    if not isinstance(images, Iterable):
        raise RunError(
            f"Expected an image or several: paths, open files, Pillow images or arrays. Found "
            f"{type(images).__name__}."
        )
    return list(images)


def _open_image(image: ImageLike) -> Image.Image:
    if isinstance(image, str | Path):
        if (path := Path(image)).is_dir():
            raise RunError(
                f"{path} is a folder. Expected an image: give the files in it, such as "
                "sorted(Path(folder).glob('*.jpg')), or use the command predict."
            )
        return read_image(path)
    if isinstance(image, BufferedIOBase):
        return read_image(BytesIO(image.read()))
    if isinstance(image, Image.Image):
        return normalize_mode(image)
    return Image.fromarray(_convert_pixels(image))


def _convert_pixels(image: np.ndarray) -> np.ndarray:
    """Check an array, and convert it to `(rows, columns)` or `(rows, columns, 3)` uint8."""
    if isinstance(image, np.ndarray) and image.dtype == bool:
        image = image.astype(np.uint8) * 255
    if not isinstance(image, np.ndarray) or image.dtype.kind not in "uif":
        kind = getattr(image, "dtype", type(image).__name__)
        raise RunError(f"Expected a path, a Pillow image or an array of numbers. Found {kind}.")
    if image.ndim == 3 and image.shape[-1] == 1:
        image = image[..., 0]
    if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[-1] != 3) or image.size == 0:
        raise RunError(
            "Expected an image (rows, columns), (rows, columns, 1) or (rows, columns, 3). "
            f"Found an array of shape {image.shape}."
        )
    low, high = image.min(), image.max()
    if not (low >= 0 and high <= 255):
        raise RunError(f"Expected pixels in [0, 255]. Found values from {low} to {high}.")
    if 0 < high <= 1:
        raise RunError("Expected pixels in [0, 255]. Found values up to 1: multiply them by 255.")
    rounded: np.ndarray = np.rint(image).astype(np.uint8)
    return rounded
