"""The end of the network, and the loss and metrics that read it.

A classifier here ends in probabilities: its confidences, its exports and its
pictures mean them. So the top ends in softmax, and losses read no logits.
Labels are class numbers; a loss that compares one-hot labels is given those.
"""

from __future__ import annotations

from collections.abc import Iterator

from framework.config import catalog
from framework.config.checks.partial_config import PartialConfig, PartialLayer
from framework.config.schema.validator import Violation, format_mismatch

LOSS = ("training_config", "loss")
METRICS = ("training_config", "metrics")
ACCURACY = "accuracy"
"""The metric that is measured in every run, and so need not be listed."""

DEFAULT_LOSS = "sparse_categorical_crossentropy"

NORMALIZED = ("softmax", "sparsemax")
"""Activations whose outputs are shares of one."""

INDEPENDENT = ("sigmoid", "hard_sigmoid")
"""Activations that give each class a probability of its own; the loss must read them so."""

_PASSING = ("Identity", "Reshape", "Flatten", "Average", "Masking")
"""Layers that turn probabilities into probabilities; pooling by the average is another."""


def check_objective(draft: PartialConfig) -> Iterator[Violation]:
    """Yield a loss that reads logits, and metrics that don't fit the loss."""
    loss, arguments = draft.read_object(*LOSS, default=DEFAULT_LOSS)
    if loss not in catalog.list_names("losses"):
        return
    if arguments.get("from_logits") is True:
        message = "expected false: the classifier ends in probabilities, not in logits. Found true."
        yield Violation((*LOSS, "from_logits"), message)
    yield from _check_metrics(draft, loss)


def check_end(draft: PartialConfig) -> Iterator[Violation]:
    """Yield the last layer if it does not end in probabilities that the loss can read."""
    loss, _ = draft.read_object(*LOSS, default=DEFAULT_LOSS)
    layers = {layer.name: layer for layer in draft.list_layers()}
    used = {name for layer in layers.values() for name in layer.inputs}
    end = next((layer for layer in layers.values() if layer.name not in used), None)
    if end is None or loss not in catalog.list_names("losses"):
        return
    layer, activation = _find_activation(end, layers) or (end, NORMALIZED[0])
    path = (*layer.path, "initializing_parameters", "activation")
    if activation in NORMALIZED or not draft.is_sound(*path):
        return
    if activation is None:
        message = f"the network must end in probabilities. Found {layer.layer_type} as its end."
        remedy = " Add a layer with the activation 'softmax' after it."
        yield Violation((*layer.path, "layer_type"), message + remedy)
    elif activation not in INDEPENDENT:
        expected = "'softmax': the network must end in probabilities"
        yield Violation(path, format_mismatch(expected, activation))
    elif not reads_independent(draft):
        expected = f"'softmax': the loss {loss} reads shares of one"
        yield Violation(path, format_mismatch(expected, activation))


def reads_independent(draft: PartialConfig) -> bool:
    """Return whether the loss reads a probability of its own for each class."""
    loss, _ = draft.read_object(*LOSS, default=DEFAULT_LOSS)
    return catalog.find_class_name("losses", loss).startswith("Binary")


def _find_activation(
    layer: PartialLayer, layers: dict[str, PartialLayer]
) -> tuple[PartialLayer, str | None] | None:
    """Return the layer whose activation decides what a layer gives, and that activation.

    The activation is `None` if the layer has none; the result is `None` if it
    can't be told, as with a layer that is wrong anyway.
    """
    if layer.layer_type is None:
        return None
    entry = catalog.find_entry("layers", layer.layer_type)["arguments"]
    kind = catalog.find_class_name("layers", layer.layer_type)
    if kind == "Softmax":
        return layer, "softmax"
    if "activation" in entry:
        default = entry["activation"].get("default")
        return layer, layer.arguments.get("activation", default) or "linear"
    if kind in _PASSING or "AveragePooling" in kind or "Dropout" in kind:
        before = [_find_activation(layers[n], layers) for n in layer.inputs if n in layers]
        wrong = [found for found in before if found and found[1] not in NORMALIZED]
        return next(iter([*wrong, *before]), (layer, None))
    return layer, None


def _check_metrics(draft: PartialConfig, loss: str) -> Iterator[Violation]:
    """Yield metrics that need other labels than the loss, or are there already."""
    one_hot = catalog.wants_one_hot("losses", loss)
    labels = ("class numbers", "one-hot labels")
    seen: set[str] = set()
    for i, _ in enumerate(draft.read(*METRICS, default=()) or ()):
        name, arguments = draft.read_object(*METRICS, i, default=ACCURACY)
        if name == ACCURACY or name not in catalog.list_names("metrics"):
            continue
        measured = catalog.find_entry("metrics", name)["log_name"]
        if measured in seen:
            yield Violation(
                (*METRICS, i), f"{measured} is measured already: remove one of the two."
            )
        seen.add(measured)
        if "average" in catalog.find_entry("metrics", name)["arguments"] and (
            arguments.get("average") is None
        ):
            message = (
                f"the metric {name} gives a number for each class, where one is needed. "
                f'Write {{"name": "{name}", "average": "macro"}}.'
            )
            yield Violation((*METRICS, i), message)
        if catalog.wants_one_hot("metrics", name) != one_hot:
            message = (
                f"the metric {name} compares {labels[not one_hot]}, the loss {loss} "
                f"{labels[one_hot]}. {_find_remedy(name, one_hot)}"
            )
            yield Violation((*METRICS, i), message)


def _find_remedy(metric: str, one_hot: bool) -> str:
    """Return what to do about a metric that needs other labels than the loss."""
    counterpart = metric.removeprefix("sparse_") if one_hot else f"sparse_{metric}"
    if counterpart in catalog.list_names("metrics") and counterpart != metric:
        return f"Did you mean {counterpart!r}?"
    loss = DEFAULT_LOSS if one_hot else "categorical_crossentropy"
    return f"Use it with the loss {loss!r}."
