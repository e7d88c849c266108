"""What runs in the worker processes of a cluster."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from framework.data.images import PackedImages
from framework.features.extractor import Extractor


class Worker:
    """Computes the features of what it is sent; reads and writes no file.

    Args:
        threads: As many as the run's own TensorFlow has, whatever cores there are: they
            decide how sums are split, and with it the last bits.
    """

    def __init__(self, threads: int) -> None:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.experimental.enable_op_determinism()

    def take_extractor(self, packed: bytes) -> str:
        """Take over what computes the features.

        Args:
            packed: From `Extractor.pack`.

        Returns:
            The fingerprint of a few features, as computed here.
        """
        self._extractor = Extractor.unpack(packed)
        return self._extractor.fingerprint_output()

    def compute(self, images: PackedImages, view: int) -> list[np.ndarray]:
        """Compute the features of all images, in batches like those of one machine alone.

        Returns:
            One `(n, *spec.shape)` array for each of the extractor's `specs`.
        """
        blocks = self._extractor.stream(images, np.arange(len(images)), view)
        return [np.concatenate(parts) for parts in zip(*blocks, strict=True)]
