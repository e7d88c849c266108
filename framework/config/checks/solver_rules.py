"""What a top must be for its last layer to be solved in closed form."""

from collections.abc import Iterator

from framework.config.checks.objective_rules import INDEPENDENT, reads_independent
from framework.config.checks.partial_config import PartialConfig, PartialLayer
from framework.config.source_map import KeyPath
from framework.config.violations import Violation, format_mismatch

SOLVER = ("training_config", "solver")

PASSING = (
    "Activation", "Add", "Average", "Concatenate", "ELU", "Flatten", "Identity", "LeakyReLU",
    "Maximum", "Minimum", "Multiply", "Permute", "ReLU", "Rescaling", "Reshape", "Subtract",
    "UnitNormalization",
)  # fmt: skip
"""Layers with nothing to train, besides those for pooling, cropping and padding."""

_PASSING_PARTS = ("Pooling", "Cropping", "ZeroPadding", "UpSampling")

_WITHOUT_EFFECT = (
    "kernel_regularizer", "bias_regularizer", "activity_regularizer", "kernel_constraint",
    "bias_constraint", "lora_rank",
)  # fmt: skip
"""Arguments of a `Dense` that a closed form would ignore."""


def check_solver(partial: PartialConfig) -> Iterator[Violation]:
    """Yield what keeps the last `Dense` of the top from being solved in closed form."""
    trains = partial.read("training_config", "enable_training")
    if partial.read(*SOLVER, "name") is None or not trains:
        return
    yield from _check_rest(partial)
    ends = partial.find_ends()
    if len(ends) != 1:
        return
    for layer in partial.list_layers():
        if layer.name == ends[0].name:
            yield from _check_end(partial, layer)
        elif layer.class_name is not None and not _is_passing(layer.class_name):
            yield Violation(
                (*layer.path, "layer_type"),
                "expected a layer with nothing to train, such as Flatten, pooling or Concatenate: "
                f"training_config.solver solves the last Dense alone. Found {layer.layer_type!r}.",
            )


def _is_passing(class_name: str) -> bool:
    return class_name in PASSING or any(part in class_name for part in _PASSING_PARTS)


def _check_end(partial: PartialConfig, layer: PartialLayer) -> Iterator[Violation]:
    arguments = (*layer.path, "initializing_parameters")
    if layer.layer_type is None:
        return
    if layer.class_name != "Dense":
        message = "'Dense' as the last layer, which training_config.solver solves"
        yield Violation((*layer.path, "layer_type"), format_mismatch(message, layer.layer_type))
        return
    activation = layer.arguments.get("activation")
    if activation in INDEPENDENT and reads_independent(partial):
        expected = "'softmax': training_config.solver gives probabilities that sum to one"
        yield Violation((*arguments, "activation"), format_mismatch(expected, activation))
    if layer.arguments.get("use_bias") is False:
        message = "expected true: training_config.solver fits a bias. Found false."
        yield Violation((*arguments, "use_bias"), message)
    for name in _WITHOUT_EFFECT:
        if layer.arguments.get(name) is not None:
            message = "has no effect in a closed form: remove it, or training_config.solver."
            yield Violation((*arguments, name), message, at_key=True)


def _check_rest(partial: PartialConfig) -> Iterator[Violation]:
    """Yield other things that would train, and images without end."""
    nothing_else: dict[KeyPath, tuple[str | None, str]] = {
        ("model_configuration", "trainable"): ("none", "'none'"),
        ("training_config", "fine_tuning"): (None, "null"),
    }
    for path, (allowed, shown) in nothing_else.items():
        found = partial.read(*path)
        if found != allowed:
            expected = f"{shown}: nothing but the last Dense is trained by training_config.solver"
            yield Violation(path, format_mismatch(expected, found))
    views = ("training_config", "feature_cache", "augmented_views")
    if partial.read(*views) == "fresh":
        message = "a number of views, which training_config.solver reads all of"
        yield Violation(views, format_mismatch(message, "fresh"))
