"""What only Keras knows of a top, told in our words at its place in the config."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence

import keras
import numpy as np

from framework.config import catalog
from framework.config.model import Config, TopLayer
from framework.errors import ConfigError, Problem

Shape = tuple[int | None, ...]
"""A tensor's shape, the batch (`None`) first."""

TOP = ("model_configuration", "model_top_config")

MAX_WEIGHTS = 2**30
"""Numbers in one layer's kernel, 4 GB as float32: beyond what a config means to ask for."""

MAX_OUTPUTS = 2**28
"""Numbers that one layer gives for one image, 1 GB as float32."""

MAX_TRIED_PIXELS = 2**20
"""Larger images are not tried beforehand: it would take long, and much memory."""

FORMS = {
    2: "a vector",
    3: "a sequence (steps x features)",
    4: "maps (rows x columns x channels)",
    5: "volumes (depth x rows x columns x channels)",
}
"""What the output of a layer is called, by its number of dimensions with the batch."""


def explain_layer_error(
    config: Config, layer_name: str, error: Exception, input_shapes: Sequence[Shape]
) -> ConfigError:
    """Tell what Keras raised when it made or called a declared layer.

    Args:
        config: Where the layer is declared.
        layer_name: The layer.
        error: What Keras raised.
        input_shapes: The shapes of the layer's inputs, each with the batch first.
    """
    layer = config.model_configuration.model_top_config[layer_name]
    inputs = _describe_inputs(layer.input_layer, input_shapes)
    text = clean_message(error)
    for pattern, tell in _EXPLANATIONS:
        if match := pattern.search(text):
            message = tell(layer.layer_type, match)
            return _make_error(config, (layer_name, "input_layer"), f"{message}. Found {inputs}.")
    if isinstance(error, IndexError):
        message = f"an axis of {layer.layer_type} is beyond those of its input. Found {inputs}."
        return _make_error(config, (layer_name, "initializing_parameters"), message)
    if isinstance(error, MemoryError) or "OOM when allocating" in text:
        message = f"{layer.layer_type} has more weights than fit into memory. Found {inputs}."
        return _make_error(config, (layer_name, "initializing_parameters"), message)
    message = f"Keras can't make this {layer.layer_type}: {text}"
    return _make_error(config, (layer_name, "initializing_parameters"), message)


def check_layer_inputs(config: Config, layer_name: str, input_shapes: Sequence[Shape]) -> None:
    """Refuse inputs that a layer accepts when it is built, and fails on in training.

    Raises:
        ConfigError: A layer for images is given something else, or the layer
            would have more weights than any memory holds.
    """
    layer = config.model_configuration.model_top_config[layer_name]
    wanted = catalog.find_entry("layers", layer.layer_type).get("input_dimensions")
    if wanted is not None and any(len(shape) != wanted for shape in input_shapes):
        inputs = _describe_inputs(layer.input_layer, input_shapes)
        message = f"{layer.layer_type} takes {FORMS[wanted]}. Found {inputs}."
        raise _make_error(config, (layer_name, "input_layer"), message)
    weights = estimate_weights(layer, input_shapes)
    if weights > MAX_WEIGHTS:
        message = f"expected at most {MAX_WEIGHTS:,} weights in a layer. Found {weights:,}."
        raise _make_error(config, (layer_name, "initializing_parameters"), message)


def estimate_weights(layer: TopLayer, input_shapes: Sequence[Shape]) -> int:
    """Return the fewest weights a dense or convolution layer will have; 0 for others."""
    arguments = layer.initializing_parameters
    size = arguments.get("units") or arguments.get("filters") or 0
    kernel = arguments.get("kernel_size", 1)
    kernel_size = math.prod(kernel) if isinstance(kernel, list) else kernel
    features = max((shape[-1] or 1 for shape in input_shapes if len(shape) > 1), default=1)
    return size * kernel_size * features


def check_output(config: Config, layer_name: str, output_shape: Shape, classes: int) -> None:
    """Make sure that the last layer has one output for each class.

    Args:
        config: Where the layer is declared.
        layer_name: The last layer of the top.
        output_shape: Its output's shape, the batch first.
        classes: The number of classes in the data.

    Raises:
        ConfigError: The layer has another number of outputs.
    """
    if tuple(output_shape[1:]) == (classes,):
        return
    layer = config.model_configuration.model_top_config[layer_name]
    units = layer.initializing_parameters.get("units")
    if units is not None and len(output_shape) == 2:
        name = config.data_config.dataset.name
        message = f"expected {classes}: {name!r} has {classes} classes. Found {units}."
        raise _make_error(config, (layer_name, "initializing_parameters", "units"), message)
    message = f"the last layer must give a vector of {classes}, one number for each class. Found "
    remedy = "" if len(output_shape) == 2 else ". Flatten or pool before it"
    raise _make_error(config, (layer_name,), f"{message}{describe_shape(output_shape)}{remedy}.")


def validate_forward(config: Config, model: keras.Model) -> None:
    """Run a network on one black image, as training does.

    Some layers accept an input when they are built, and fail when they compute.

    Args:
        config: Where the top is declared.
        model: The whole network; what training changes in it, this changes too.

    Raises:
        ConfigError: A layer of the top fails, or gives more than any memory holds.
    """
    for name in config.model_configuration.model_top_config:
        for tensor in keras.tree.flatten(model.get_layer(name).output):
            numbers = math.prod(size or 1 for size in tensor.shape[1:])
            if numbers > MAX_OUTPUTS:
                message = f"expected at most {MAX_OUTPUTS:,} numbers for one image. Found "
                shape = describe_shape(tuple(tensor.shape))
                raise _make_error(config, (name, "initializing_parameters"), f"{message}{shape}.")
    if math.prod(model.input_shape[1:3]) > MAX_TRIED_PIXELS:
        return
    image = np.zeros((1, *model.input_shape[1:]), "float32")
    try:
        model([image], training=True)
        return
    except Exception as error:  # Keras raises whatever its layers and operations raise.
        failure = error
    for name in config.model_configuration.model_top_config:
        layer = model.get_layer(name)
        shapes = [tuple(tensor.shape) for tensor in keras.tree.flatten(layer.input)]
        try:
            keras.Model(model.inputs, layer.output)([image], training=True)
        except Exception as error:
            raise explain_layer_error(config, name, error, shapes) from error
    raise failure


def describe_shape(shape: Shape) -> str:
    """Return what a tensor is, for one image: `maps of 2x2x512`."""
    if len(shape) < 2:
        return "a single number"
    form = FORMS.get(len(shape), "a tensor").partition(" (")[0]
    return f"{form} of {'x'.join('?' if size is None else str(size) for size in shape[1:])}"


def clean_message(error: Exception) -> str:
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


def _make_error(config: Config, path: tuple[str, ...], message: str) -> ConfigError:
    """Return an error at a place in the top."""
    whole = (*TOP, *path)
    if config.origin is None:
        return ConfigError([Problem(".".join(whole), message)])
    return ConfigError([config.origin.make_problem(whole, message)])


def _describe_inputs(names: str | tuple[str, ...], shapes: Sequence[Shape]) -> str:
    """Return the shapes of a layer's inputs, each with where it comes from."""
    listed = (names,) if isinstance(names, str) else names
    described = [
        f"{describe_shape(shape)} from {name!r}"
        for name, shape in zip(listed, shapes, strict=False)
    ]
    return " and ".join(described) or "no input"


def _tell_dimensions(layer_type: str, match: re.Match[str]) -> str:
    wanted = FORMS.get(int(match[1]), f"a tensor of {match[1]} dimensions")
    return f"{layer_type} takes {wanted}"


_Tell = Callable[[str, "re.Match[str]"], str]
_EXPLANATIONS: tuple[tuple[re.Pattern[str], _Tell], ...] = (
    (re.compile(r"expected (?:min_)?ndim=(\d)"), _tell_dimensions),
    (re.compile(r"at least (\d) dimensions"), _tell_dimensions),
    (
        re.compile(r"zero or negative|Negative dimension|must be smaller than|should be smaller"),
        lambda layer, _: (
            f"nothing is left of the input after this {layer}: its window, or what it "
            "cuts off, is larger than the input"
        ),
    ),
    (
        re.compile(r"requires inputs with matching shapes"),
        lambda layer, _: f"{layer} takes inputs that differ in the joined axis alone",
    ),
    (
        re.compile(r"[Ii]ncompatible (?:input )?shapes|Incompatible input|broadcast"),
        lambda layer, _: f"{layer} takes inputs of one shape",
    ),
    (
        re.compile(r"total size of the tensor must be unchanged.*target_shape=(\([^)]*\))"),
        lambda layer, match: f"{layer} to {match[1]} changes how many numbers there are",
    ),
)
