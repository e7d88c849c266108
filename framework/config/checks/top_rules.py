"""The graph of the declared top: every rule that needs no shapes."""

from collections.abc import Iterator, Sequence
from graphlib import CycleError, TopologicalSorter

from framework.config import catalog
from framework.config.catalog import BACKBONE_OUTPUT
from framework.config.checks.partial_config import TOP, PartialConfig, PartialLayer
from framework.config.source_map import shorten_key
from framework.config.violations import Violation, format_unknown, join_words

MAX_LISTED = 8
"""Layer names that a message lists."""


def check_top(partial: PartialConfig) -> Iterator[Violation]:
    """Yield what is wrong with how the layers of the top are joined."""
    layers = partial.list_layers()
    yield from _check_names(layers, partial)
    unknown = list(_check_inputs(layers, partial))
    yield from unknown
    for layer in layers:
        yield from _check_count(layer)
    try:
        sort_layers({layer.name: layer.inputs for layer in layers})
    except CycleError as error:
        cycle = list(reversed(error.args[1]))
        message = f"the layers form a cycle: {' -> '.join(map(shorten_key, cycle))}."
        where = max(cycle, key=[layer.name for layer in layers].index)
        yield Violation((*TOP, where, "input_layer"), message)
        return
    if not unknown:
        yield from _check_ends(partial.find_ends())


def sort_layers(inputs: dict[str, Sequence[str]]) -> list[str]:
    """Return the layers so that each comes after its inputs; otherwise in the given order.

    Args:
        inputs: Layer name -> names of its inputs, of which only the names of layers count.

    Raises:
        CycleError: The layers form a cycle.
    """
    sorter = TopologicalSorter(
        {name: [given for given in names if given in inputs] for name, names in inputs.items()}
    )
    sorter.prepare()
    position = {name: i for i, name in enumerate(inputs)}
    ordered: list[str] = []
    ready: list[str] = []
    while sorter.is_active():
        ready = sorted([*ready, *sorter.get_ready()], key=position.__getitem__)
        ordered.append(ready.pop(0))
        sorter.done(ordered[-1])
    return ordered


def _check_names(layers: list[PartialLayer], partial: PartialConfig) -> Iterator[Violation]:
    """Yield the layers whose name stands for something else already."""
    for layer in layers:
        if layer.name == BACKBONE_OUTPUT:
            yield Violation(
                layer.path,
                "the name stands for the backbone's output: choose another name.",
                at_key=True,
            )
        elif layer.name in catalog.OWN_LAYERS:
            message = "the framework has a layer of this name: choose another name."
            yield Violation(layer.path, message, at_key=True)
        elif layer.name in partial.backbone_layers:
            message = f"{partial.backbone} has a layer of this name: choose another name."
            yield Violation(layer.path, message, at_key=True)


def _check_inputs(layers: list[PartialLayer], partial: PartialConfig) -> Iterator[Violation]:
    """Yield the inputs that are no layer."""
    if partial.backbone is None:
        return
    names = [layer.name for layer in layers]
    known = {*names, BACKBONE_OUTPUT, *partial.backbone_layers}
    for position, layer in enumerate(layers):
        given = partial.read(*layer.path, "input_layer")
        for i, name in enumerate(layer.inputs):
            if name in known:
                continue
            earlier = [other for other in names[:position] if other != layer.name]
            candidates = [*reversed(earlier), *names, BACKBONE_OUTPUT, *partial.backbone_layers]
            expected = _describe_inputs(earlier, has_backbone=bool(partial.backbone_layers))
            path = (*layer.path, "input_layer", *([i] if isinstance(given, list) else []))
            yield Violation(path, format_unknown(expected, name, dict.fromkeys(candidates)))


def _describe_inputs(earlier: list[str], has_backbone: bool) -> str:
    """Return what a layer may take as its input."""
    listed = [shorten_key(name) for name in earlier[-MAX_LISTED:]]
    dots = "..., " if len(earlier) > len(listed) else ""
    layers = f"an earlier layer ({dots}{', '.join(listed)})"
    options = [layers] if earlier else []
    options += [f'"{BACKBONE_OUTPUT}"'] + ["a backbone layer"] * has_backbone
    return join_words(options)


def _check_count(layer: PartialLayer) -> Iterator[Violation]:
    """Yield a layer that has too few or too many inputs."""
    if layer.layer_type is None:
        return
    rule = catalog.find_input_rule(layer.layer_type)
    count = len(layer.inputs)
    if count >= rule.fewest and (rule.most is None or count <= rule.most):
        return
    if rule.most == 1:
        expected = f"{layer.layer_type} takes one input"
        remedy = "Join them first, with Concatenate or Add"
    else:
        expected = f"{layer.layer_type} takes {rule.describe_count()} inputs"
        remedy = "Give input_layer a list of layers"
    found = f"{count}: {', '.join(map(shorten_key, layer.inputs[:MAX_LISTED]))}"
    yield Violation((*layer.path, "input_layer"), f"{expected}. Found {found}. {remedy}.")


def _check_ends(ends: list[PartialLayer]) -> Iterator[Violation]:
    """Yield the layers whose output is not used, other than the last of them."""
    for layer in ends[:-1]:
        name, end = shorten_key(layer.name), shorten_key(ends[-1].name)
        yield Violation(
            layer.path,
            f"the output of this layer is not used. Expected one end, {end!r}: remove "
            f"{name!r}, or name it as the input of another layer.",
            at_key=True,
        )
