"""`TrainedNetwork`: the network of a finished run, with the records that say how to use it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from PIL import Image

from framework.data.images import match_channels, prepare_image
from framework.inference.run_summary import RunSummary
from framework.models.classifier import Classifier, find_embedding
from framework.models.novelty import embed

BATCH_SIZE = 64


@dataclass(frozen=True)
class Outputs:
    """What a network computes from images.

    Args:
        probabilities: `(n, classes)` float32.
        novelty: `(n,)` float32, the distances to the training images; zeros if they are unknown.
    """

    probabilities: np.ndarray
    novelty: np.ndarray


@dataclass(frozen=True)
class TrainedNetwork(RunSummary):
    """The network of a finished run.

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

    def resize(self, image: Image.Image | np.ndarray) -> np.ndarray:
        """Resize an image as in training; see `prepare_image`."""
        return prepare_image(image, self.image_shape, self.config.data_config.resize)

    def compute(self, prepared: Sequence[np.ndarray]) -> Outputs:
        """Run the network on images from `resize`.

        Args:
            prepared: Any number of images.
        """
        channels, classes = self.image_shape[-1], len(self.class_names)
        probabilities = [np.empty((0, classes), np.float32)]
        novelty = [np.empty(0, np.float32)]
        for first in range(0, len(prepared), BATCH_SIZE):
            batch = np.stack(
                [
                    match_channels(image[np.newaxis], channels)[0]
                    for image in prepared[first : first + BATCH_SIZE]
                ]
            )
            found, *read = (each.numpy() for each in self._forward(batch.astype(np.float32)))
            probabilities.append(found)
            detector = self.classifier.novelty
            measured = (
                detector.measure(embed(read[0])) if detector and read else np.zeros(len(found))
            )
            novelty.append(measured.astype(np.float32))
        return Outputs(np.concatenate(probabilities), np.concatenate(novelty))

    def find_threshold(self, coverage: float) -> float:
        """Return the novelty above which an image is unknown; see `NoveltyDetector`."""
        threshold = self.classifier.find_threshold(coverage)
        return float("inf") if threshold is None else threshold

    @cached_property
    def _forward(self) -> Callable[[np.ndarray], Any]:
        """From images to probabilities and, if novelty is measured, what the last layer reads."""
        model = self.classifier.model
        tensor = find_embedding(model) if self.classifier.novelty else None
        if tensor is not None:
            model = keras.Model(model.input, [model.output, tensor])
        forward: Callable[[np.ndarray], Any] = tf.function(
            lambda batch: keras.tree.flatten(model(batch, training=False)),
            input_signature=[tf.TensorSpec(self.classifier.model.input_shape, "float32")],
        )
        return forward
