"""Checks of a declared top that need Keras, with errors that name the place in the config."""

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import keras
import numpy as np

from framework.config import catalog
from framework.config.model import TopLayer
from framework.config.source_map import SourceMap
from framework.errors import ConfigError

Shape = tuple[int | None, ...]
"""A tensor's shape, the batch (`None`) first."""

MAX_WEIGHTS = 2**30
"""Numbers in one layer's kernel, 4 GB as float32."""

MAX_OUTPUTS = 2**28
"""Numbers that one layer gives for one image, 1 GB as float32."""

SHAPE_NAMES = {
    2: "a vector",
    3: "a sequence (steps x features)",
    4: "maps (rows x columns x channels)",
    5: "volumes (depth x rows x columns x channels)",
}
"""What a layer's output is called, by its number of dimensions with the batch."""

_EXPLANATIONS = (
    (r"expected (?:min_)?ndim=(\d)", "{layer} takes {shape_name}"),
    (r"at least (\d) dimensions", "{layer} takes {shape_name}"),
    (
        r"zero or negative|Negative dimension|must be smaller than|should be smaller",
        "nothing is left of the input after this {layer}: its window, or what it cuts off, is "
        "larger than the input",
    ),
    (
        r"requires inputs with matching shapes",
        "{layer} takes inputs that differ in the joined axis alone",
    ),
    (
        r"[Ii]ncompatible (?:input )?shapes|Incompatible input|broadcast",
        "{layer} takes inputs of one shape",
    ),
    (
        r"total size of the tensor must be unchanged.*target_shape=(\([^)]*\))",
        "{layer} to {found} changes how many numbers there are",
    ),
)
"""Pattern of a Keras message, and the problem that it means."""


@dataclass(frozen=True)
class TopValidator:
    """Validates the layers of a declared top.

    Args:
        top: The declared layers by name.
        source_map: Where the config's values were written.
    """

    top: Mapping[str, TopLayer]
    source_map: SourceMap

    def check_inputs(self, name: str, input_shapes: Sequence[Shape]) -> None:
        """Refuse inputs that a layer accepts when it is built, but fails on in training.

        Args:
            name: The layer.
            input_shapes: The shape of each of its inputs.

        Raises:
            ConfigError: A layer for images is given something else, or the layer
                would have too many weights.
        """
        layer = self.top[name]
        expected = catalog.find_entry("layers", layer.layer_type).get("input_dimensions")
        if expected is not None and any(len(shape) != expected for shape in input_shapes):
            inputs = _describe_inputs(layer.input_layer, input_shapes)
            message = f"{layer.layer_type} takes {SHAPE_NAMES[expected]}. Found {inputs}."
            raise self._make_error(message, name, "input_layer")
        weights = _estimate_weights(layer, input_shapes)
        if weights > MAX_WEIGHTS:
            message = f"expected at most {MAX_WEIGHTS:,} weights in a layer. Found {weights:,}."
            raise self._make_error(message, name, "initializing_parameters")

    def explain_error(
        self, name: str, error: Exception, input_shapes: Sequence[Shape]
    ) -> ConfigError:
        """Explain what Keras raised when it built or called a layer.

        Args:
            name: The layer.
            error: What Keras raised.
            input_shapes: The shape of each of the layer's inputs.
        """
        layer = self.top[name]
        inputs = _describe_inputs(layer.input_layer, input_shapes)
        text = _clean_message(error)
        for pattern, explanation in _EXPLANATIONS:
            if match := re.search(pattern, text):
                found = match[1] if match.lastindex else ""
                default = f"a tensor of {found} dimensions"
                shape_name = SHAPE_NAMES.get(int(found), default) if found.isdigit() else ""
                message = explanation.format(
                    layer=layer.layer_type, found=found, shape_name=shape_name
                )
                return self._make_error(f"{message}. Found {inputs}.", name, "input_layer")
        if isinstance(error, IndexError):
            message = f"an axis of {layer.layer_type} is beyond those of its input. Found {inputs}."
        elif isinstance(error, MemoryError) or "OOM when allocating" in text:
            message = f"{layer.layer_type} has more weights than fit into memory. Found {inputs}."
        else:
            message = f"Keras can't make this {layer.layer_type}: {text}"
        return self._make_error(message, name, "initializing_parameters")

    def check_output(self, output_shape: Shape, classes: int, dataset_name: str) -> None:
        """Make sure that the last layer has one output for each class.

        Args:
            output_shape: The shape of its output.
            classes: The number of classes in the data.
            dataset_name: The data set, for the error.

        Raises:
            ConfigError: The layer has another number of outputs.
        """
        if tuple(output_shape[1:]) == (classes,):
            return
        name, layer = list(self.top.items())[-1]
        units = layer.initializing_parameters.get("units")
        if units is not None and len(output_shape) == 2:
            message = f"expected {classes}: {dataset_name} has {classes} classes. Found {units}."
            raise self._make_error(message, name, "initializing_parameters", "units")
        remedy = "" if len(output_shape) == 2 else ". Flatten or pool before it"
        raise self._make_error(
            f"the last layer must give a vector of {classes}, one number for each class. "
            f"Found {describe_shape(output_shape)}{remedy}.",
            name,
        )

    def validate_forward(self, model: keras.Model, backbone_layers: Collection[str]) -> None:
        """Run the top on zeros, as training does.

        Some layers accept an input when they are built, and fail when they compute.

        Args:
            model: The whole network; the training state of its top may change.
            backbone_layers: The names of the layers that are not run.

        Raises:
            ConfigError: A layer of the top fails, or its output is too large.
        """
        for name in self.top:
            for tensor in keras.tree.flatten(model.get_layer(name).output):
                if math.prod(size or 1 for size in tensor.shape[1:]) > MAX_OUTPUTS:
                    message = (
                        f"expected at most {MAX_OUTPUTS:,} numbers for one image. "
                        f"Found {describe_shape(tuple(tensor.shape))}."
                    )
                    raise self._make_error(message, name, "initializing_parameters")
        read = {
            id(tensor): tensor
            for name in self.top
            for tensor in keras.tree.flatten(model.get_layer(name).input)
            if tensor._keras_history.operation.name in backbone_layers
        }
        inputs = list(read.values())
        zeros = [np.zeros((1, *tensor.shape[1:]), tensor.dtype) for tensor in inputs]
        try:
            keras.Model(inputs, model.output)(zeros, training=True)
        except Exception:  # Keras raises whatever its layers and operations raise.
            self._find_failing_layer(model, inputs, zeros)
            raise

    def _find_failing_layer(
        self, model: keras.Model, inputs: list[keras.KerasTensor], zeros: list[np.ndarray]
    ) -> None:
        """Raise a `ConfigError` for the first layer of the top that fails."""
        for name in self.top:
            layer = model.get_layer(name)
            shapes = [tuple(tensor.shape) for tensor in keras.tree.flatten(layer.input)]
            try:
                keras.Model(inputs, layer.output)(zeros, training=True)
            except Exception as error:
                raise self.explain_error(name, error, shapes) from error

    def _make_error(self, message: str, *path: str) -> ConfigError:
        """Return an error at a path inside the top."""
        whole = ("model_configuration", "model_top_config", *path)
        return ConfigError([self.source_map.make_problem(whole, message)])


def describe_shape(shape: Shape) -> str:
    """Return what a tensor is, for one image: `maps of 2x2x512`."""
    if len(shape) < 2:
        return "a single number"
    name = SHAPE_NAMES.get(len(shape), "a tensor").partition(" (")[0]
    return f"{name} of {'x'.join('?' if size is None else str(size) for size in shape[1:])}"


def _clean_message(error: Exception) -> str:
    """Return the sentence that matters in what Keras raised, on one line."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    paragraphs = [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]
    wrapping = ("Exception encountered when calling", "Error when deserializing")
    if len(paragraphs) > 1 and paragraphs[0].startswith(wrapping):
        paragraphs = paragraphs[1:]
    message = paragraphs[0] if paragraphs else type(error).__name__
    message = message.removeprefix("Exception encountered: ")
    message = re.sub(r"\{\{.*?\}\} ?", "", message)  # TensorFlow's name of the operation.
    return message.replace("`", "")[:300].rstrip(".")


def _estimate_weights(layer: TopLayer, input_shapes: Sequence[Shape]) -> int:
    """Return the fewest weights a dense or convolution layer will have; 0 for others."""
    arguments = layer.initializing_parameters
    size: int = arguments.get("units") or arguments.get("filters") or 0
    kernel = arguments.get("kernel_size", 1)
    kernel_size: int = math.prod(kernel) if isinstance(kernel, list) else kernel
    features = max((shape[-1] or 1 for shape in input_shapes if len(shape) > 1), default=1)
    return size * kernel_size * features


def _describe_inputs(names: str | tuple[str, ...], shapes: Sequence[Shape]) -> str:
    """Return the shapes of a layer's inputs, each with where it comes from."""
    names = (names,) if isinstance(names, str) else names
    described = [
        f"{describe_shape(shape)} from {name!r}" for name, shape in zip(names, shapes, strict=False)
    ]
    return " and ".join(described) or "no input"
