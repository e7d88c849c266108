"""The extractor: computes features of images with the fixed part of a classifier."""

from __future__ import annotations

import hashlib
import math
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from framework.data.images import Images, PackedImages
from framework.features.store_entry import FeatureSpec, count_bytes_per_image
from framework.hub.saved_models import load_model
from framework.utils.bounded_map import bounded_map

MAX_BATCH_SIZE = 256
# Bytes that the largest activation of one batch may take; see docs/performance.md.
ACTIVATION_BYTES = 64 * 2**20

# Images whose features show whether two machines compute the same bits.
SAMPLE_IMAGES = 8

Forward = Callable[[np.ndarray], list[tf.Tensor]]


class Extractor:
    """Computes features with the fixed part of a classifier.

    Args:
        model: From the image to a list of tensors, as `ModelSplit.extractor`.
        devices: Names of the devices, each of which computes one batch at a time; by default
            the one that TensorFlow chooses.
        name: What people call the network that it is a part of.
    """

    def __init__(self, model: keras.Model, devices: Sequence[str] = (), name: str = "") -> None:
        self.name = name
        self._model = model
        self.specs = tuple(_make_spec(tensor) for tensor in model.outputs)
        self.batch_size = _choose_batch_size(model)
        if len(devices) > 1:
            self._forwards = [_make_forward_on(device, model) for device in devices]
        else:
            self._forwards = [_make_forward(model)]

    @property
    def precision(self) -> str:
        """Name of the dtype of the features, which the network computes in."""
        return self.specs[0].dtype

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Rows, columns and channels of the images."""
        shape: tuple[int, int, int] = self._model.input_shape[1:]
        return shape

    @property
    def bytes_per_image(self) -> int:
        """Bytes that all features of one image take."""
        return count_bytes_per_image(self.specs)

    @cached_property
    def description(self) -> dict[str, Any]:
        """Graph and weights, which decide the features of an image; ready for JSON."""
        weights = _hash_arrays(weight.numpy() for weight in self._model.weights)
        description = {"graph": describe_graph(self._model), "weights": weights}
        # Left out where it is float32, so that features stored before it could differ are found.
        return description | ({} if self.precision == "float32" else {"stored": self.precision})

    def pack(self) -> bytes:
        """Graph and weights as a `.keras` file, for `unpack` in another process."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "extractor.keras"
            self._model.save(path)
            return path.read_bytes()

    @classmethod
    def unpack(cls, packed: bytes) -> Extractor:
        """Return the extractor that `pack` gave in another process."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "extractor.keras"
            path.write_bytes(packed)
            return cls(load_model(path))

    def fingerprint_output(self) -> str:
        """Return SHA-256 of the features of a few fixed images of noise, in hexadecimal."""
        sample = make_noise((min(SAMPLE_IMAGES, self.batch_size), *self.image_shape))
        return _hash_arrays(self.compute(sample))

    def stream(
        self, images: Images | PackedImages, positions: np.ndarray, view: int
    ) -> Iterator[list[np.ndarray]]:
        """Compute the features of some images, batch by batch.

        Args:
            images: The images to choose from.
            positions: `(k,)` int64, which of them, in this order.
            view: Which augmented set; 0 for the images as they are.

        Returns:
            One `(m, *spec.shape)` array for each of `specs`, `m` images at a time.
        """
        starts = range(0, len(positions), self.batch_size)
        count = len(self._forwards)
        # Each batch is read while the one before is computed.
        batches = bounded_map(
            lambda start: images.read(positions[start : start + self.batch_size], view),
            starts,
            ahead=1,
            workers=1,
        )
        if count == 1:
            return map(self.compute, batches)
        return bounded_map(
            lambda numbered: self.compute(numbered[1], numbered[0] % count),
            enumerate(batches),
            ahead=count - 1,
            workers=count,
        )

    def compute(self, batch: np.ndarray, device: int = 0) -> list[np.ndarray]:
        """Compute the features of one batch.

        Args:
            batch: `(m, rows, columns, channels)` float32 in [0, 255].
            device: The number of the device that computes it.

        Returns:
            One `(m, *spec.shape)` array for each of `specs`.
        """
        return [tensor.numpy() for tensor in self._forwards[device](batch)]

    def measure_rate(self) -> float:
        """Return images per second, measured with one small batch, without reading images."""
        batch = np.zeros((min(32, self.batch_size), *self.image_shape), np.float32)
        self.compute(batch)  # Traces and compiles.
        start = time.perf_counter()
        self.compute(batch)
        return len(batch) / (time.perf_counter() - start)


def make_noise(shape: tuple[int, ...]) -> np.ndarray:
    """Return images of noise, float32 in [0, 255), the same on every machine."""
    return np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32)


def _hash_arrays(arrays: Iterable[np.ndarray]) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        # As bytes, since bfloat16 is not a dtype that Python's buffers know.
        digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def _make_forward(model: keras.Model) -> Forward:
    """Return a function that computes a batch; its first call traces and compiles it."""
    # Without XLA, which is slower for convolutions on CPUs; see docs/performance.md.
    forward: Forward = tf.function(
        lambda batch: keras.tree.flatten(model(batch, training=False)),
        input_signature=[tf.TensorSpec(model.inputs[0].shape, "float32")],
    )
    return forward


def _make_forward_on(device: str, model: keras.Model) -> Forward:
    """Return a function that computes a batch on a device, with a copy of the weights there."""
    with tf.device(device):
        replica = keras.models.clone_model(model)
        replica.set_weights(model.get_weights())
        forward = _make_forward(replica)

    def compute(batch: np.ndarray) -> list[tf.Tensor]:
        with tf.device(device):
            return forward(batch)

    return compute


def _make_spec(tensor: keras.KerasTensor) -> FeatureSpec:
    return FeatureSpec(shape=tuple(tensor.shape[1:]), dtype=tensor.dtype)


def _choose_batch_size(model: keras.Model) -> int:
    """Return the power of two that keeps the largest activation of a batch in bounds."""
    largest = max(
        _make_spec(tensor).bytes_per_image
        for layer in model.layers
        for tensor in layer._inbound_nodes[0].output_tensors
        if None not in tensor.shape[1:]
    )
    affordable = max(1, ACTIVATION_BYTES // largest)
    return min(MAX_BATCH_SIZE, 1 << int(math.log2(affordable)))


def describe_graph(model: keras.Model) -> Any:
    """Return the configs of all layers and their connections, independent of their names.

    Keras numbers unnamed layers per process, so the layers of equal networks may have
    different names; their positions replace the names here.
    """
    config = model.get_config()
    names = {layer["name"]: f"layer {index}" for index, layer in enumerate(config["layers"])}

    def simplify(value: Any) -> Any:
        if isinstance(value, dict):
            # The frozen part computes the same, whichever way it was frozen.
            return {key: simplify(item) for key, item in value.items() if key != "trainable"}
        if isinstance(value, list | tuple):
            return [simplify(item) for item in value]
        return names.get(value, value) if isinstance(value, str) else value

    return simplify({"layers": config["layers"], "outputs": config["output_layers"]})
