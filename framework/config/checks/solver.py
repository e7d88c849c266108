"""What a top must be for its last layer to be solved in closed form."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from framework.config import catalog
from framework.config.checks.output import INDEPENDENT, reads_independent
from framework.config.checks.partial_config import PartialConfig, PartialLayer
from framework.config.schema.validator import Violation, format_mismatch

SOLVER = ("training_config", "solver")

PASSING = (
    "Activation", "Add", "Average", "Concatenate", "ELU", "Flatten", "Identity", "LeakyReLU",
    "Maximum", "Minimum", "Multiply", "Permute", "ReLU", "Rescaling", "Reshape", "Subtract",
    "UnitNormalization",
)  # fmt: skip
"""Layers that have nothing to train; pooling, cropping and padding are others."""

_PASSING_PARTS = ("Pooling", "Cropping", "ZeroPadding", "UpSampling")

_HAS_NO_PART = (
    "kernel_regularizer", "bias_regularizer", "activity_regularizer", "kernel_constraint",
    "bias_constraint", "lora_rank",
)  # fmt: skip
"""Arguments of a `Dense` that a closed form would pass over."""


def check_solver(draft: PartialConfig) -> Iterator[Violation]:
    """Yield what keeps the last `Dense` of the top from being solved in closed form."""
    trains = draft.read("training_config", "enable_training", default=True)
    if draft.read(*SOLVER, "name") is None or not trains:
        return
    yield from _check_rest(draft)
    layers = draft.list_layers()
    used = {name for layer in layers for name in layer.inputs}
    ends = [layer for layer in layers if layer.name not in used]
    if len(ends) != 1:
        return
    for layer in layers:
        if layer is ends[0]:
            yield from _check_end(draft, layer)
        elif layer.layer_type is not None and not _is_passing(layer.layer_type):
            yield Violation(
                (*layer.path, "layer_type"),
                "expected a layer with nothing to train, such as Flatten, pooling or Concatenate: "
                f"training_config.solver solves the last Dense alone. Found {layer.layer_type!r}.",
            )


def _is_passing(layer_type: str) -> bool:
    kind = catalog.find_class_name("layers", layer_type)
    return kind in PASSING or any(part in kind for part in _PASSING_PARTS)


def _check_end(draft: PartialConfig, layer: PartialLayer) -> Iterator[Violation]:
    arguments = (*layer.path, "initializing_parameters")
    if layer.layer_type is None:
        return
    if catalog.find_class_name("layers", layer.layer_type) != "Dense":
        message = "'Dense' as the last layer, which training_config.solver solves"
        yield Violation((*layer.path, "layer_type"), format_mismatch(message, layer.layer_type))
        return
    activation = layer.arguments.get("activation")
    if activation in INDEPENDENT and reads_independent(draft):
        expected = "'softmax': training_config.solver makes shares of one"
        yield Violation((*arguments, "activation"), format_mismatch(expected, activation))
    if layer.arguments.get("use_bias") is False:
        message = "expected true: training_config.solver fits a bias. Found false."
        yield Violation((*arguments, "use_bias"), message)
    for name in _HAS_NO_PART:
        if layer.arguments.get(name) is not None:
            message = "has no part in a closed form: remove it, or training_config.solver."
            yield Violation((*arguments, name), message, at_key=True)


def _check_rest(draft: PartialConfig) -> Iterator[Violation]:
    """Yield what else would train, or has no end."""
    expected: dict[tuple[str, ...], tuple[Any, str]] = {
        ("model_configuration", "trainable"): ("none", "'none': nothing but the last Dense"),
        ("training_config", "fine_tuning"): (None, "null: nothing but the last Dense"),
    }
    for path, (default, meaning) in expected.items():
        found = draft.read(*path, default=default)
        if found != default:
            message = format_mismatch(f"{meaning} is trained by training_config.solver", found)
            yield Violation(path, message)
    views = ("training_config", "feature_cache", "augmented_views")
    if draft.read(*views) == "fresh":
        message = "a number of views, which training_config.solver reads all of"
        yield Violation(views, format_mismatch(message, "fresh"))
