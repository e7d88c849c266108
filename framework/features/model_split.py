"""Splits a classifier into a fixed part, the extractor, and a trained part, the head."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from framework.features.head import Head

_TOKEN_READERS = (
    keras.layers.Cropping1D,
    keras.layers.GlobalAveragePooling1D,
    keras.layers.GlobalMaxPooling1D,
)


@dataclass(frozen=True)
class ModelSplit:
    """A classifier in two parts that share its layers.

    Training the head trains the classifier in place.

    Args:
        layers: Names of the layers at the split point, from the image up: the head reads their
            outputs.
        extractor: From the image to the list of these outputs, to be run with
            `training=False`; `None` where nothing is frozen.
        head: From these outputs, as `unpack_single` gives them, to the classifier's
            output. The whole classifier where nothing is frozen.
        name: What people call the backbone.
    """

    layers: tuple[str, ...]
    extractor: keras.Model | None
    head: keras.Model
    name: str = ""


def unpack_single(tensors: Sequence[Any]) -> Any:
    """Return the tensor itself if there is one, else all: the structure that a head takes."""
    return tensors[0] if len(tensors) == 1 else tuple(tensors)


def split_model(model: keras.Model, backbone_layers: Collection[str], name: str = "") -> ModelSplit:
    """Split a classifier at the deepest point below which nothing trains.

    A layer belongs to the extractor if it is frozen (`trainable` is false, or it has
    nothing that could change), is part of the backbone or before it, and reads nothing
    but the extractor's layers. Layers of the top stay in the head even when they
    have no weights, so that all tops share the stored features; but those that take one token
    or the mean of all belong to the extractor, as these are hundreds of times smaller.

    Args:
        model: A functional classifier with one input, the image.
        backbone_layers: Names of the backbone's layers; empty for a classifier without one.
        name: What people call the backbone.
    """
    nodes = sort_nodes(model)
    candidates = _find_names_up_to(nodes, backbone_layers)
    candidates |= {
        node.operation.name for node in nodes if isinstance(node.operation, _TOKEN_READERS)
    }
    frozen: dict[int, keras.KerasTensor] = {}
    crossing: dict[int, keras.KerasTensor] = {}
    has_weights = False
    for node in nodes:
        operation = node.operation
        frozen_inputs = [id(tensor) for tensor in node.input_tensors if id(tensor) in frozen]
        if (
            operation.name in candidates
            and _is_frozen(operation)
            and len(frozen_inputs) == len(node.input_tensors)
        ):
            frozen.update((id(tensor), tensor) for tensor in node.output_tensors)
            has_weights |= isinstance(operation, keras.Layer) and bool(operation.weights)
        else:
            crossing.update((key, frozen[key]) for key in frozen_inputs)
    if not has_weights:
        return ModelSplit(layers=(), extractor=None, head=model)
    # `frozen` was filled from the image up.
    tensors = [tensor for key, tensor in frozen.items() if key in crossing]
    return ModelSplit(
        layers=tuple(tensor._keras_history.operation.name for tensor in tensors),
        extractor=keras.Model(model.input, tensors, name="extractor"),
        head=Head(unpack_single(tensors), model.output, name="head"),
        name=name,
    )


def sort_nodes(model: keras.Model) -> list[Any]:
    """Return the calls of a functional model's layers, each after those it reads from."""
    by_depth = model._nodes_by_depth
    return [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]]


def _find_names_up_to(nodes: list[Any], names: Collection[str]) -> set[str]:
    """Return the given names, and those of all layers that they depend on."""
    found = set(names)
    for node in reversed(nodes):
        if node.operation.name in found:
            found.update(tensor._keras_history.operation.name for tensor in node.input_tensors)
    return found


def _is_frozen(operation: keras.Operation) -> bool:
    # A layer without weights may still hold a random state, as Dropout does.
    return not isinstance(operation, keras.Layer) or not (
        operation.trainable and operation.variables
    )
