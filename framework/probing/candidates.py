"""The layers of a backbone that a top could read."""

from collections.abc import Sequence
from typing import Any

import keras

from framework.config import Config
from framework.config.catalog import BACKBONE_OUTPUT
from framework.config.suggestions import format_hint
from framework.errors import UsageError
from framework.features.model_split import sort_nodes
from framework.models.top_validator import describe_shape

# A layer followed only by one of these is not the end of its block.
_BLOCK_ENDS = (
    keras.layers.BatchNormalization,
    keras.layers.Activation,
    keras.layers.ReLU,
    keras.layers.Dropout,
)
# Their outputs hold no more information than their inputs.
_UNINFORMATIVE = (keras.layers.ZeroPadding2D, keras.layers.Dropout)


def find_split_points(backbone: keras.Model) -> list[str]:
    """List the layers whose single output is all that later layers read.

    Of a convolution with its normalization and activation only the last layer is listed, and
    no layer before the first one with weights.

    Args:
        backbone: A functional model with one input and one output.

    Returns:
        Names of layers, from the input up.
    """
    nodes = sort_nodes(backbone)
    readers: dict[int, list[Any]] = {}
    for node in nodes:
        for tensor in node.input_tensors:
            readers.setdefault(id(tensor), []).append(node)
    found: list[str] = []
    pending: set[int] = set()  # Outputs that a later layer reads.
    unread = {key: len(users) for key, users in readers.items()}
    has_weights = False
    for node in nodes:
        for tensor in node.input_tensors:
            unread[id(tensor)] -= 1
            if unread[id(tensor)] == 0:
                pending.discard(id(tensor))
        pending.update(id(tensor) for tensor in node.output_tensors)
        layer = node.operation
        has_weights = has_weights or bool(getattr(layer, "weights", []))
        following = [user.operation for user in readers.get(id(node.output_tensors[0]), ())]
        finished = len(following) != 1 or not isinstance(following[0], _BLOCK_ENDS)
        # A top can name layers only, not operations such as a sum.
        usable = isinstance(layer, keras.Layer) and not isinstance(layer, _UNINFORMATIVE)
        if has_weights and len(pending) == 1 and finished and usable:
            found.append(layer.name)
    return found


def find_own_layers(config: Config, backbone: keras.Model) -> list[str]:
    """List the backbone layers that a config's top reads."""
    top = config.model_configuration.model_top_config
    read = {name for layer in top.values() for name in layer.inputs} - set(top)
    if BACKBONE_OUTPUT in read:
        read.add(backbone.output._keras_history.operation.name)
    return [layer.name for layer in backbone.layers if layer.name in read]


def choose_layers(
    backbone: keras.Model, model_name: str, wanted: str | Sequence[str], own: Sequence[str]
) -> list[str]:
    """List the layers to probe.

    Args:
        backbone: A functional model with one input and one output.
        model_name: The backbone's name, for the errors.
        wanted: `"auto"`: the split points and `own`. `"all"`: every layer from the first one
            with weights. Otherwise a name, or several.
        own: Names of the layers that the config's own top reads.

    Returns:
        Names of layers, from the input up, each once.

    Raises:
        UsageError: There is no such layer, or its output is neither maps, tokens nor a vector.
    """
    names = [layer.name for layer in backbone.layers]
    if wanted == "auto":
        chosen = {*find_split_points(backbone), *own}
    elif wanted == "all":
        chosen = _find_weighted(backbone)
    else:
        chosen = {wanted} if isinstance(wanted, str) else set(wanted)
        for name in sorted(chosen):
            _check_layer(backbone, model_name, name, names)
    return [name for name in names if name in chosen and _is_readable(backbone, name)]


def _find_weighted(backbone: keras.Model) -> set[str]:
    """Find the layers whose output depends on weights."""
    weighted: set[int] = set()
    found = set()
    for node in sort_nodes(backbone):
        reads = any(id(tensor) in weighted for tensor in node.input_tensors)
        if reads or bool(getattr(node.operation, "weights", [])):
            weighted.update(id(tensor) for tensor in node.output_tensors)
            found.add(node.operation.name)
    return found


def _is_readable(backbone: keras.Model, name: str) -> bool:
    """Return whether a layer gives maps, tokens or a vector."""
    output = backbone.get_layer(name).output
    return isinstance(output, keras.KerasTensor) and (
        len(output.shape) in (2, 3, 4) and None not in output.shape[1:]
    )


def _check_layer(backbone: keras.Model, model_name: str, name: str, names: Sequence[str]) -> None:
    if name not in names:
        hint = format_hint(name, names, f"It has: {', '.join(names)}.")
        raise UsageError(f"--layers: {model_name} has no layer {name!r}. {hint}")
    if not _is_readable(backbone, name):
        shape = describe_shape(tuple(backbone.get_layer(name).output.shape))
        raise UsageError(
            f"--layers: expected layers that give maps, tokens or a vector. {name!r}: {shape}."
        )
