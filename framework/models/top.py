"""The declared top: Keras layers by name, connected as the config says."""

import inspect
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import keras

from framework.config.catalog import CLASSES
from framework.config.model import TopLayer
from framework.models.top_validator import TopValidator

WRAPPED_LAYERS = {"layer", "backward_layer"}
"""Arguments that hold a layer, `{"class_name": "LSTM", "config": {"units": 8}}`."""


def resolve_units(top: Mapping[str, TopLayer], classes: int) -> dict[str, TopLayer]:
    """Replace the units `"classes"`, also of layers in layers, by the number of classes."""

    def resolve(arguments: Mapping[str, Any]) -> dict[str, Any]:
        return {
            key: classes
            if key == "units" and value == CLASSES
            else resolve(value)
            if isinstance(value, Mapping)
            else value
            for key, value in arguments.items()
        }

    return {
        name: replace(layer, initializing_parameters=resolve(layer.initializing_parameters))
        for name, layer in top.items()
    }


def build_top(validator: TopValidator, backbone: keras.Model) -> keras.KerasTensor:
    """Build the declared top on a backbone.

    Args:
        validator: Has the layers of the top, and explains errors of Keras.
        backbone: The flat model to build on.

    Returns:
        The output of the last layer.

    Raises:
        ConfigError: Keras refuses a layer; the error points at it in the config.
    """
    outputs: dict[str, keras.KerasTensor] = {}
    last = list(validator.top)[-1]
    for name, declared in validator.top.items():
        inputs = [_find_output(source, outputs, backbone) for source in declared.inputs]
        shapes = [tuple(tensor.shape) for tensor in inputs]
        validator.check_inputs(name, shapes)
        try:
            # Probabilities keep their digits in mixed precision too.
            layer = _build_layer(name, declared, dtype="float32" if name == last else None)
            merges = isinstance(declared.input_layer, tuple)
            outputs[name] = _call_layer(layer, inputs, merges)
        except Exception as error:  # Keras raises whatever its layers and operations raise.
            raise validator.explain_error(name, error, shapes) from error
    return outputs[last]


def _find_output(
    source: str, outputs: Mapping[str, keras.KerasTensor], backbone: keras.Model
) -> keras.KerasTensor:
    """Return the output of a top layer, of the whole backbone, or of one of its layers."""
    if source in outputs:
        return outputs[source]
    return backbone.output if source == "backbone" else backbone.get_layer(source).output


def _build_layer(name: str, declared: TopLayer, dtype: str | None) -> keras.Layer:
    """Build one layer; its class is known to be in the catalogue.

    Args:
        name: Its name.
        declared: Its class and arguments.
        dtype: What it computes in, unless its arguments say; `None`: the global dtype policy.
    """
    layer_class = getattr(keras.layers, declared.layer_type)
    arguments = {"dtype": dtype, **declared.initializing_parameters, "name": name}
    if WRAPPED_LAYERS & arguments.keys():
        # Builds the layer inside a wrapper; for plain layers it would need every argument.
        return layer_class.from_config(_complete_wrapped_layers(arguments))
    return layer_class(**arguments)


def _complete_wrapped_layers(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Add the module to the classes of wrapped layers, as Keras saves them itself."""
    completed = dict(arguments)
    for key in WRAPPED_LAYERS & arguments.keys():
        if isinstance(wrapped := arguments[key], Mapping):
            config = _complete_wrapped_layers(wrapped.get("config", {}))
            completed[key] = {**wrapped, "module": "keras.layers", "config": config}
    return completed


def _call_layer(
    layer: keras.Layer, inputs: list[keras.KerasTensor], merges: bool
) -> keras.KerasTensor:
    """Call a layer on its inputs: one tensor, a list, or query and value."""
    if "query" in inspect.signature(layer.call).parameters:
        # Layers such as MultiHeadAttention; a single input attends to itself.
        return layer(*inputs) if merges else layer(inputs[0], inputs[0])
    return layer(inputs if merges else inputs[0])
