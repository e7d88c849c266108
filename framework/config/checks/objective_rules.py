"""The end of the network, the loss and metrics that read it, and the optimizer.

Confidences, exports and figures need probabilities, so the top ends in softmax and losses read no
logits. Labels are class numbers; a loss that compares one-hot labels is given those.
"""

from collections.abc import Iterable, Iterator

from framework.config import catalog
from framework.config.catalog import ACCURACY
from framework.config.checks.partial_config import PartialConfig, PartialLayer
from framework.config.model import TrainingConfig
from framework.config.source_map import KeyPath, shorten_key
from framework.config.violations import Violation, format_mismatch

LOSS = ("training_config", "loss")
METRICS = ("training_config", "metrics")
CALLBACKS = ("training_config", "call_backs_conf")
CLIPPING = ("clipnorm", "clipvalue", "global_clipnorm")

NORMALIZED = ("softmax", "sparsemax")
"""Activations whose outputs are probabilities that sum to one."""

INDEPENDENT = ("sigmoid", "hard_sigmoid")
"""Activations that give each class an independent probability, as the loss must then read it."""

_PASSING = ("Identity", "Reshape", "Flatten", "Average", "Masking")
"""Layers that turn probabilities into probabilities; pooling by the average is another."""

_GATED = ("LSTM", "GRU")
"""Layers that multiply what their activation gives by gates."""

MEANS = ("sum_over_batch_size", "mean", "mean_with_sample_weight")
"""What a loss may do with the losses of a batch's images, as it is reported for an image."""


def check_objective(partial: PartialConfig) -> Iterator[Violation]:
    """Yield a loss that reads logits, and metrics that don't fit the loss."""
    loss, arguments = partial.read_object(*LOSS)
    if loss not in catalog.list_names("losses"):
        return
    if arguments.get("from_logits") is True:
        message = "expected false: the classifier ends in probabilities, not in logits. Found true."
        yield Violation((*LOSS, "from_logits"), message)
    if (reduction := arguments.get("reduction", MEANS[0])) not in MEANS:
        expected = f"{MEANS[0]!r}: losses are reported as means over the images"
        yield Violation((*LOSS, "reduction"), format_mismatch(expected, reduction))
    yield from _check_metrics(partial, loss)


def check_end(partial: PartialConfig) -> Iterator[Violation]:
    """Yield the last layer if it does not end in probabilities that the loss can read."""
    loss, _ = partial.read_object(*LOSS)
    ends = partial.find_ends()
    if not ends or loss not in catalog.list_names("losses"):
        return
    layers = {layer.name: layer for layer in partial.list_layers()}
    yield from _check_softmax_axes(layers.values(), ends[0])
    layer, activation = _find_activation(ends[0], layers) or (ends[0], NORMALIZED[0])
    path = (*layer.path, "initializing_parameters", "activation")
    if activation in NORMALIZED or not partial.is_sound(*path):
        return
    if activation is None:
        message = f"the network must end in probabilities. Found {layer.layer_type} as its end."
        before = [layers[name] for name in layer.inputs if name in layers]
        changed = [each for each in before if _ends_normalized(each, layers)]
        if changed:
            name = shorten_key(changed[0].name)
            remedy = f" It changes the probabilities of {name!r}: put it before, by input_layer."
        else:
            remedy = " Add a layer with the activation 'softmax' after it."
        yield Violation((*layer.path, "layer_type"), message + remedy)
    elif activation not in INDEPENDENT:
        expected = "'softmax': the network must end in probabilities"
        yield Violation(path, format_mismatch(expected, activation))
    elif not reads_independent(partial):
        expected = f"'softmax': the loss {loss} reads probabilities that sum to one"
        yield Violation(path, format_mismatch(expected, activation))


def _ends_normalized(layer: PartialLayer, layers: dict[str, PartialLayer]) -> bool:
    found = _find_activation(layer, layers)
    return found is not None and found[1] in NORMALIZED


def _check_softmax_axes(layers: Iterable[PartialLayer], end: PartialLayer) -> Iterator[Violation]:
    """Yield each `Softmax` over another axis than that of the classes, the last."""
    for layer in layers:
        axis = layer.arguments.get("axis", -1)
        # The end has an axis of images and one of classes.
        if layer.class_name == "Softmax" and axis not in (
            (-1, 1) if layer.name == end.name else (-1,)
        ):
            path = (*layer.path, "initializing_parameters", "axis")
            yield Violation(path, format_mismatch("-1, the axis of the classes", axis))


def reads_independent(partial: PartialConfig) -> bool:
    """Return whether the loss reads an independent probability for each class."""
    loss, _ = partial.read_object(*LOSS)
    return catalog.find_class_name("losses", loss).startswith("Binary")


def _find_activation(
    layer: PartialLayer, layers: dict[str, PartialLayer]
) -> tuple[PartialLayer, str | None] | None:
    """Return the layer whose activation decides what a layer outputs, and that activation.

    The activation is `None` if the layer has none; the result is `None` for a wrong layer.
    """
    kind = layer.class_name
    if kind is None:
        return None
    entry = catalog.find_entry("layers", kind)["arguments"]
    if kind == "Softmax":
        return layer, "softmax"
    if kind in _GATED:
        return layer, None
    if "activation" in entry:
        default = entry["activation"].get("default")
        return layer, layer.arguments.get("activation", default) or "linear"
    if kind in _PASSING or "AveragePooling" in kind:
        before = [_find_activation(layers[n], layers) for n in layer.inputs if n in layers]
        wrong = [found for found in before if found and found[1] not in NORMALIZED]
        return next(iter([*wrong, *before]), (layer, None))
    return layer, None


def _check_metrics(partial: PartialConfig, loss: str) -> Iterator[Violation]:
    """Yield metrics that need other labels than the loss, or are there already."""
    one_hot = catalog.wants_one_hot("losses", loss)
    labels = ("class numbers", "one-hot labels")
    seen: set[str] = set()
    for i, _ in enumerate(partial.read(*METRICS) or ()):
        path = (*METRICS, i)
        name, arguments = partial.read_object(*path, default=ACCURACY)
        if name == ACCURACY or name not in catalog.list_names("metrics"):
            continue
        entry = catalog.find_entry("metrics", name)
        measured = entry["log_name"]
        if measured in seen:
            yield Violation(path, f"{measured} is measured already: remove one of the two.")
        seen.add(measured)
        if "average" in entry["arguments"] and arguments.get("average") is None:
            message = (
                f"the metric {name} gives a number for each class, where one is needed. "
                f'Write {{"name": "{name}", "average": "macro"}}.'
            )
            yield Violation(path, message)
        if catalog.wants_one_hot("metrics", name) != one_hot:
            message = (
                f"the metric {name} compares {labels[not one_hot]}, the loss {loss} "
                f"{labels[one_hot]}. {_find_remedy(name, one_hot)}"
            )
            yield Violation(path, message)


def _find_remedy(metric: str, one_hot: bool) -> str:
    """Return what to do about a metric that needs other labels than the loss."""
    counterpart = metric.removeprefix("sparse_") if one_hot else f"sparse_{metric}"
    if counterpart in catalog.list_names("metrics") and counterpart != metric:
        return f"Did you mean {counterpart!r}?"
    loss = TrainingConfig.loss.name if one_hot else "categorical_crossentropy"
    return f"Use it with the loss {loss!r}."


def check_optimizer(partial: PartialConfig) -> Iterator[Violation]:
    """Yield arguments and callbacks that need another setting of the optimizer."""
    path = ("training_config", "optimizer")
    name, arguments = partial.read_object(*path)
    clipping = [key for key in CLIPPING if arguments.get(key) is not None]
    if len(clipping) > 1:
        message = f"only one of {', '.join(CLIPPING)} can be set. Found {' and '.join(clipping)}."
        yield Violation((*path, clipping[-1]), message, at_key=True)
    yield from _check_schedule(partial, (*path, "learning_rate", "config"))
    callbacks = partial.read(*CALLBACKS) or {}
    if "SwapEMAWeights" in callbacks and arguments.get("use_ema") is not True:
        message = (
            f'needs an optimizer with averaged weights: {{"name": "{name}", "use_ema": true}}.'
        )
        yield Violation((*CALLBACKS, "SwapEMAWeights"), message, at_key=True)
    if "ReduceLROnPlateau" in callbacks and isinstance(arguments.get("learning_rate"), dict):
        message = "can't change a learning rate that follows a schedule: use one of the two."
        yield Violation((*CALLBACKS, "ReduceLROnPlateau"), message, at_key=True)


def _check_schedule(partial: PartialConfig, path: KeyPath) -> Iterator[Violation]:
    """Yield the values of a schedule in steps that are not one more than its boundaries."""
    boundaries = partial.read(*path, "boundaries")
    values = partial.read(*path, "values")
    if boundaries and values and len(values) != len(boundaries) + 1:
        expected = f"{len(boundaries) + 1} values, one more than boundaries"
        yield Violation((*path, "values"), format_mismatch(expected, values))
