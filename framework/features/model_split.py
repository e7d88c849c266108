"""The freeze line: where a classifier is cut into a fixed part and a trained part."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from framework.features.head import Head


@dataclass(frozen=True)
class ModelSplit:
    """A classifier in two parts that share its layers.

    Training the head trains the classifier in place.

    Args:
        layers: Names of the layers whose outputs cross the cut, from the image up.
        extractor: Image to the list of tensors that cross the cut, to be run with
            `training=False`; `None` where nothing is frozen.
        head: What crosses the cut, as `unpack_single` gives it, to the classifier's
            output. The whole classifier where nothing is frozen.
    """

    layers: tuple[str, ...]
    extractor: keras.Model | None
    head: keras.Model


def unpack_single(tensors: Sequence[Any]) -> Any:
    """Return the tensor itself if there is one, else all: the structure that a head takes."""
    return tensors[0] if len(tensors) == 1 else tuple(tensors)


def split_model(model: keras.Model, backbone_layers: Collection[str]) -> ModelSplit:
    """Cut a classifier at the deepest line below which nothing trains.

    A layer lies below the cut if it is frozen (`trainable` is false, or it has
    nothing that could change), belongs to the backbone or comes before it, and all
    that it reads lies below the cut. Layers of the top stay above even when they
    have no weights, so that every top shares the stored features.

    Args:
        model: A functional classifier with one input, the image.
        backbone_layers: Names of the layers that are the backbone's. Empty for a
            classifier without a backbone.

    Returns:
        The cut.
    """
    nodes = sort_nodes(model)
    allowed = _find_names_up_to(nodes, backbone_layers)
    fixed: dict[int, keras.KerasTensor] = {}
    crossing: dict[int, keras.KerasTensor] = {}
    has_weights = False
    for node in nodes:
        operation = node.operation
        read_below = [id(tensor) for tensor in node.input_tensors if id(tensor) in fixed]
        if (
            operation.name in allowed
            and _is_frozen(operation)
            and len(read_below) == len(node.input_tensors)
        ):
            fixed.update((id(tensor), tensor) for tensor in node.output_tensors)
            has_weights |= isinstance(operation, keras.Layer) and bool(operation.weights)
        else:
            crossing.update((key, fixed[key]) for key in read_below)
    if not has_weights:
        return ModelSplit(layers=(), extractor=None, head=model)
    # `fixed` was filled from the image up.
    tensors = [tensor for key, tensor in fixed.items() if key in crossing]
    return ModelSplit(
        layers=tuple(tensor._keras_history.operation.name for tensor in tensors),
        extractor=keras.Model(model.input, tensors, name="extractor"),
        head=Head(unpack_single(tensors), model.output, name="head"),
    )


def sort_nodes(model: keras.Model) -> list[Any]:
    """Return the calls of a functional model's layers, each after those it reads from."""
    by_depth = model._nodes_by_depth
    return [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]]


def _find_names_up_to(nodes: list[Any], names: Collection[str]) -> set[str]:
    """Name of the given layers and of all layers that they depend on."""
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
