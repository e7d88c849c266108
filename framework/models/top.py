"""The declared top: Keras layers by name, wired as the config says."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import keras

from framework.config.model import Config, TopLayer
from framework.config.serialization import list_inputs
from framework.models.layer_errors import check_layer_inputs, explain_layer_error

WRAPPED_LAYERS = {"layer", "backward_layer"}
"""Arguments that hold a layer, `{"class_name": "LSTM", "config": {"units": 8}}`."""


def build_top(config: Config, backbone: keras.Model) -> keras.KerasTensor:
    """Lay the declared top on a backbone.

    Args:
        config: Its `model_top_config` is laid in order, its layers named as declared.
        backbone: The flat model to build on.

    Returns:
        The output of the last layer.

    Raises:
        ConfigError: Keras refuses a layer; the problem points at its place in the config.
    """
    laid: dict[str, keras.KerasTensor] = {}
    last = list(config.model_configuration.model_top_config)[-1]
    for name, declared in config.model_configuration.model_top_config.items():
        inputs = [find_tensor(source, laid, backbone) for source in list_inputs(declared)]
        shapes = [tuple(tensor.shape) for tensor in inputs]
        check_layer_inputs(config, name, shapes)
        try:
            # Answers keep their digits in mixed precision too.
            layer = build_layer(name, declared, dtype="float32" if name == last else None)
            laid[name] = connect(layer, inputs, merges=isinstance(declared.input_layer, tuple))
        except Exception as error:  # Keras raises whatever its layers and operations raise.
            raise explain_layer_error(config, name, error, shapes) from error
    return laid[last]


def find_tensor(
    source: str, laid: Mapping[str, keras.KerasTensor], backbone: keras.Model
) -> keras.KerasTensor:
    """Return the output of a top layer, of the whole backbone, or of one of its layers."""
    if source in laid:
        return laid[source]
    if source == "backbone":
        return backbone.output
    return backbone.get_layer(source).output


def build_layer(name: str, declared: TopLayer, dtype: str | None = None) -> keras.Layer:
    """Build one layer; only names of the catalogue reach this place.

    Args:
        name: What to call it.
        declared: Its class and arguments.
        dtype: What it computes in, if its arguments don't say; `None`: as all layers do.
    """
    layer_class = getattr(keras.layers, declared.layer_type)
    arguments = {"dtype": dtype, **declared.initializing_parameters, "name": name}
    if WRAPPED_LAYERS & arguments.keys():
        # Makes the layer inside a wrapper; of plain layers it would want every argument.
        return layer_class.from_config(complete_wrapped_layers(arguments))
    return layer_class(**arguments)


def complete_wrapped_layers(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Tell Keras where the classes of wrapped layers are found, as it saves them itself."""
    completed = dict(arguments)
    for key in WRAPPED_LAYERS & arguments.keys():
        if isinstance(wrapped := arguments[key], Mapping):
            config = complete_wrapped_layers(wrapped.get("config", {}))
            completed[key] = {**wrapped, "module": "keras.layers", "config": config}
    return completed


def connect(layer: keras.Layer, inputs: list[keras.KerasTensor], merges: bool) -> keras.KerasTensor:
    """Call a layer on its inputs: one tensor, a list, or query and value."""
    if "query" in inspect.signature(layer.call).parameters:
        # MultiHeadAttention and its kin; a single input attends to itself.
        return layer(*inputs) if merges else layer(inputs[0], inputs[0])
    return layer(inputs if merges else inputs[0])
