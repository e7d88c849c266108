"""How a linear classifier reads the output of a layer: maps flattened or averaged, or tokens."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import keras
import numpy as np

from framework.config.catalog import CLASSES

MAX_FEATURES = 8_192
"""The most numbers per image that are probed: larger maps are first averaged to a grid."""

Pooling = Literal["flatten", "average", "token"]
"""`"token"`: the first one, which in ViT, DINOv2 and CLIP is that of the class."""


@dataclass(frozen=True)
class LayerOutput:
    """The output of a layer, reduced to what is probed.

    Args:
        name: The layer.
        shape: `(rows, columns, channels)` of its maps, `(tokens, features)`, or `(features,)`.
        factor: How many rows and columns are averaged to one; 1: none.
        tensors: What is computed: the maps or their grid, and with a grid the mean of each map; of
            tokens their mean and the first one.
    """

    name: str
    shape: tuple[int, ...]
    factor: int
    tensors: tuple[keras.KerasTensor, ...]

    @property
    def size(self) -> int:
        """Numbers that the layer gives for one image, which a run stores."""
        return self.shape[-1] if len(self.shape) == 2 else math.prod(self.shape)

    @property
    def description(self) -> str:
        """The shape that is probed, and of what: `16x16x64 of 32x32`."""
        if len(self.shape) == 2:
            return f"{self.shape[0]} tokens x {self.shape[1]}"
        grid = "x".join(map(str, self.tensors[0].shape[1:]))
        return grid if self.factor == 1 else f"{grid} of {self.shape[0]}x{self.shape[1]}"

    @property
    def poolings(self) -> tuple[Pooling, ...]:
        """The ways to read the output; a vector is read as it is."""
        if len(self.shape) == 2:
            return ("average", "token")
        return ("flatten",) if len(self.shape) == 1 else ("flatten", "average")

    def pool(self, arrays: Sequence[np.ndarray], pooling: Pooling) -> np.ndarray:
        """Pool computed features.

        Args:
            arrays: `(n, ...)`, one for each of `tensors`.
            pooling: How to read them.

        Returns:
            `(n, features)` float32.
        """
        if len(self.shape) == 2:
            return arrays[self.poolings.index(pooling)].astype(np.float32, copy=False)
        maps = arrays[0].astype(np.float32, copy=False)
        if pooling == "flatten":
            return maps.reshape(len(maps), -1)
        means: np.ndarray = maps.mean(axis=(1, 2)) if len(arrays) == 1 else arrays[1]
        return means.astype(np.float32, copy=False)

    def make_top(self, pooling: Pooling) -> dict[str, Any]:
        """Return the `model_top_config` of a linear classifier on the layer."""
        layers: dict[str, Any] = {}
        if pooling == "token":
            arguments = {"cropping": [0, self.shape[0] - 1]}
            layers["token"] = {"layer_type": "Cropping1D", "initializing_parameters": arguments}
            layers["flatten"] = {"layer_type": "Flatten"}
        elif pooling == "average":
            layers["average"] = {"layer_type": f"GlobalAveragePooling{len(self.shape) - 1}D"}
        elif len(self.shape) > 1:
            if self.factor > 1:
                size = {"pool_size": self.factor, "padding": "same"}
                layers["grid"] = {"layer_type": "AveragePooling2D", "initializing_parameters": size}
            layers["flatten"] = {"layer_type": "Flatten"}
        layers["classes"] = {
            "layer_type": "Dense",
            "initializing_parameters": {"units": CLASSES, "activation": "softmax"},
        }
        first = next(iter(layers.values()))
        first["input_layer"] = self.name
        return layers


def describe_output(backbone: keras.Model, name: str) -> LayerOutput:
    """Describe the output of a layer that gives maps, tokens or a vector; reduce large ones."""
    tensor = backbone.get_layer(name).output
    shape = tuple(tensor.shape[1:])
    if len(shape) == 2:
        mean = keras.layers.GlobalAveragePooling1D(name=f"{name}_mean")(tensor)
        first = keras.layers.Cropping1D((0, shape[0] - 1), name=f"{name}_first")(tensor)
        first = keras.layers.Flatten(name=f"{name}_token")(first)
        return LayerOutput(name, shape, 1, (mean, first))
    factor = 1
    if len(shape) == 3:
        rows, columns, channels = shape
        while math.ceil(rows / factor) * math.ceil(
            columns / factor
        ) * channels > MAX_FEATURES and factor < max(rows, columns):
            factor += 1
    if factor == 1:
        return LayerOutput(name, shape, 1, (tensor,))
    grid = keras.layers.AveragePooling2D(factor, padding="same", name=f"{name}_grid")(tensor)
    mean = keras.layers.GlobalAveragePooling2D(name=f"{name}_mean")(tensor)
    return LayerOutput(name, shape, factor, (grid, mean))
