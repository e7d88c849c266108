"""The last layer of a classifier, and what it reads of stored features."""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from framework.errors import RunError
from framework.features.feature_sources import Features
from framework.features.model_split import unpack_single

GATHERED_IMAGES = 2048
"""Images in a matrix product."""


class LastLayer:
    """The last `Dense` of a head, and what it reads.

    Args:
        head: From features to probabilities.
        features: What it reads, for their shapes.

    Attributes:
        dense: The layer; only a softmax may follow it.
        size: Numbers of one image that it reads.
        classes: Numbers that it returns.
    """

    def __init__(self, head: keras.Model, features: Features) -> None:
        history = head.output._keras_history
        if not isinstance(history.operation, keras.layers.Dense):  # A softmax of its own.
            history = _find_input(history)._keras_history
        self.dense = history.operation
        read = _find_input(history)
        self.size = int(read.shape[-1])
        self.classes = int(head.output_shape[-1])
        model = keras.Model(unpack_single(head.inputs), read)
        signature = [tf.TensorSpec((None, *spec.shape), spec.dtype) for spec in features.specs]
        self._read = tf.function(
            lambda inputs: tf.cast(model(inputs, training=False), tf.float32),
            input_signature=[unpack_single(signature)],
        )

    def stream(
        self, features: Features, views: int, title: str
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Read all images, view after view.

        Yields:
            `(k, size)` float32, and `(k,)` int64 positions of their images.

        Raises:
            RunError: A number is not finite.
        """
        order = np.arange(len(features.images))
        with tqdm(total=views * len(order), desc=title, unit=" images", leave=False) as progress:
            for view in range(views):
                first, rows = 0, []
                for block in features.stream(order, view):
                    rows.append(self._read(unpack_single(block)).numpy())
                    count = sum(map(len, rows))
                    progress.update(len(rows[-1]))
                    if count < GATHERED_IMAGES and first + count < len(order):
                        continue
                    gathered = np.concatenate(rows)
                    if not np.isfinite(gathered).all():
                        raise RunError(
                            f"What {self.dense.name} reads is not finite: the weights below it "
                            "are broken."
                        )
                    yield gathered, order[first : first + count]
                    first, rows = first + count, []


def _find_input(history: Any) -> keras.KerasTensor:
    """Return what an operation reads; not `input`, which is that of the whole classifier."""
    return history.operation._inbound_nodes[history.node_index].input_tensors[0]
