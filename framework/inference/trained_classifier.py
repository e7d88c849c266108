"""A trained classifier as its users meet it: images in, names of classes out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image

from framework import __version__
from framework.config import Config, load_config
from framework.data.image_files import normalize_mode, read_image
from framework.data.images import match_channels, prepare_image
from framework.errors import ConfigError, RunError
from framework.inference.polarity import Invert, normalize_polarity
from framework.models.classifier import Classifier, load_classifier_file
from framework.runs import run_directory
from framework.utils.files import read_json

ImageLike = str | Path | Image.Image | np.ndarray

BATCH_SIZE = 64


@dataclass(frozen=True)
class Prediction:
    """What a classifier says of one image.

    Args:
        predicted: The most probable class.
        confidence: Its probability, in 0 to 1.
        top: The most probable classes with their probabilities, the first one first.
    """

    predicted: str
    confidence: float
    top: tuple[tuple[str, float], ...]

    def describe(self) -> dict[str, Any]:
        """Return the prediction, ready for JSON."""
        return {
            "predicted": self.predicted,
            "confidence": self.confidence,
            "top": [{"class": name, "probability": share} for name, share in self.top],
        }


@dataclass(frozen=True)
class TrainedClassifier:
    """The classifier of a finished run.

    Args:
        run: The run directory.
        classifier: The network, with its class names.
        config: The run's config, which says how images are brought to the network's size.
        data_name: The data set that it was trained on.
        subject: What was trained on what, for people.
        test_accuracy: Share of the test images that it told right, in 0 to 1; `None`
            where they have no labels.
    """

    run: Path
    classifier: Classifier
    config: Config
    data_name: str
    subject: str
    test_accuracy: float | None

    @property
    def class_names(self) -> tuple[str, ...]:
        """One name for each probability, in order."""
        return self.classifier.class_names

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """`(rows, columns, channels)` of the images that the network takes."""
        return self.classifier.image_shape

    def predict(
        self,
        images: ImageLike | Iterable[ImageLike],
        *,
        invert: Invert = "auto",
        top: int = 3,
    ) -> list[Prediction]:
        """Name the class of each image.

        Args:
            images: One image or several, of any size: paths, Pillow images, or arrays
                `(rows, columns)`, `(rows, columns, 1)` or `(rows, columns, 3)`, RGB,
                uint8 or float, in [0, 255]. An array of four axes holds several.
            invert: Whether dark ink on light paper is turned into light ink on dark
                paper. `"auto"`: where the training images are so, and the image's border
                is light.
            top: How many of the most probable classes to name.

        Raises:
            RunError: An image can't be read, or an array is no image.
        """
        return self.name_classes(self.predict_probabilities(images, invert=invert), top)

    def predict_probabilities(
        self, images: ImageLike | Iterable[ImageLike], *, invert: Invert = "auto"
    ) -> np.ndarray:
        """Compute the probability of every class; see `predict`.

        Returns:
            `(n, classes)` float32, in the order of `class_names`.
        """
        several = _list_images(images)
        blocks = [
            self.predict_prepared([self.prepare(image, invert) for image in several[first:last]])
            for first, last in _slice(len(several), BATCH_SIZE)
        ]
        return np.concatenate(blocks) if blocks else np.empty((0, len(self.class_names)), "float32")

    def prepare(self, image: ImageLike, invert: Invert = "auto") -> np.ndarray:
        """Bring one image to what the network takes, as in training.

        Returns:
            `(rows, columns, 1)` or `(rows, columns, 3)` uint8, in [0, 255].
        """
        picture = normalize_polarity(_open_image(image), invert, self.data_name)
        return prepare_image(picture, self.image_shape, self.config.data_config.resize)

    def predict_prepared(self, prepared: Sequence[np.ndarray]) -> np.ndarray:
        """Run the network over images from `prepare`, all in one batch.

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
            order = np.argsort(-row, kind="stable")[:top]
            named = tuple((self.class_names[place], float(row[place])) for place in order)
            best = int(row.argmax())
            predictions.append(Prediction(self.class_names[best], float(row[best]), named))
        return predictions

    @cached_property
    def _forward(self) -> Any:
        model = self.classifier.model
        signature = [tf.TensorSpec(model.input_shape, "float32")]
        return tf.function(lambda batch: model(batch, training=False), input_signature=signature)


def load_classifier(run: str | Path) -> TrainedClassifier:
    """Load the classifier of a finished run.

    Args:
        run: A run directory, or a folder of runs such as `results/vgg16`: then the
            newest finished run in it.

    Raises:
        RunError: There is no finished run, its model is missing or damaged, or it was
            written by a newer version of the framework.
    """
    directory = run_directory.find_run(Path(run).expanduser())
    environment = read_json(directory / "environment.json")
    _check_version(directory, str(environment.get("framework", "0")))
    model_path = directory / run_directory.MODEL_FILE
    if not model_path.is_file():
        raise RunError(
            f"{directory} holds no model.keras. Train the model again with: "
            f"python run.py --config {directory / 'config.json'}"
        )
    try:
        config = load_config(directory / "config.json")
    except ConfigError as error:
        raise RunError(f"The config of the run can't be read. {error}") from error
    metrics = read_json(directory / "metrics.json")
    try:
        return TrainedClassifier(
            run=directory,
            classifier=load_classifier_file(run_directory.verify_model_file(model_path)),
            config=config,
            data_name=environment["data"]["name"],
            subject=environment["subject"],
            test_accuracy=metrics.get("test", {}).get("accuracy"),
        )
    except KeyError as error:
        raise RunError(f"The records of the run in {directory} lack {error}.") from error


def _check_version(directory: Path, version: str) -> None:
    if _parse_version(version) > _parse_version(__version__):
        raise RunError(
            f"The run in {directory} was written by version {version}, which is newer than this "
            f"one, {__version__}. Install that version (git pull, in the folder of the framework)."
        )


def _parse_version(version: str) -> tuple[int, ...]:
    """Return the numbers of a version's release; what follows them, such as `rc1`, is left out."""
    numbers = []
    for part in version.split("."):
        if not part.isdigit():
            break
        numbers.append(int(part))
    return tuple(numbers)


def _list_images(images: ImageLike | Iterable[ImageLike]) -> list[ImageLike]:
    if isinstance(images, str | Path | Image.Image):
        return [images]
    if isinstance(images, np.ndarray) and images.ndim != 4:
        return [images]
    return list(images)


def _open_image(image: ImageLike) -> Image.Image:
    if isinstance(image, str | Path):
        return read_image(Path(image))
    if isinstance(image, Image.Image):
        return normalize_mode(image)
    return Image.fromarray(_as_pixels(image))


def _as_pixels(image: np.ndarray) -> np.ndarray:
    """Check an array, and bring it to `(rows, columns)` or `(rows, columns, 3)` uint8."""
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
    if image.dtype.kind == "f" and 0 < high <= 1:
        raise RunError("Expected pixels in [0, 255]. Found values up to 1: multiply them by 255.")
    rounded: np.ndarray = np.rint(image).astype(np.uint8)
    return rounded


def _slice(count: int, size: int) -> list[tuple[int, int]]:
    return [(first, first + size) for first in range(0, count, size)]
