"""What a config must keep beyond its schema: rules that look at several keys at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from framework.config import catalog
from framework.config.checks.callbacks import CALLBACKS, check_callbacks
from framework.config.checks.classes import check_classes
from framework.config.checks.output import check_end, check_objective
from framework.config.checks.partial_config import PartialConfig
from framework.config.checks.solver import check_solver
from framework.config.checks.top_graph import check_graph
from framework.config.schema.validator import Violation, format_mismatch
from framework.config.suggestions import suggest_name

IMAGENET = "imagenet"
CLIPPING = ("clipnorm", "clipvalue", "global_clipnorm")


def check_rules(draft: PartialConfig) -> list[Violation]:
    """Return what is wrong with a config that its schema can't say."""
    findings = list(check_graph(draft))
    if not findings:  # Otherwise it is not sure which layer is the last.
        findings.extend(check_end(draft))
    return findings + [finding for rule in _RULES for finding in rule(draft)]


def _check_image(draft: PartialConfig) -> Iterator[Violation]:
    """Check that images suit the backbone's minimum size and its weights' channels."""
    if draft.backbone in (None, catalog.NO_BACKBONE):
        return
    shape = ("data_config", "image_shape")
    smallest = catalog.find_entry("backbones", draft.backbone)["smallest_image"]
    for key in ("image_rows", "image_columns"):
        pixels = draft.read(*shape, key, default=smallest)
        if pixels < smallest:
            expected = f"at least {smallest}: {draft.backbone} takes no smaller images"
            yield Violation((*shape, key), format_mismatch(expected, pixels))
    weights, _ = draft.read_object("model_configuration", "weights", default=IMAGENET)
    channels = draft.read(*shape, "channel_numbers", default=3)
    if weights == IMAGENET and channels != 3:
        yield Violation(
            (*shape, "channel_numbers"),
            f"expected 3: ImageNet weights are for RGB. Found {channels}. Grey images are repeated "
            "to RGB when it is 3; otherwise set model_configuration.weights to null.",
        )


def _check_backbone_arguments(draft: PartialConfig) -> Iterator[Violation]:
    """Return a backbone takes only arguments that its application has."""
    path = ("model_configuration", "model_arguments")
    if draft.backbone is None:
        return
    allowed = catalog.list_backbone_arguments(draft.backbone)
    for name in draft.read(*path, default={}) or {}:
        if name not in allowed and draft.is_sound(*path, name):
            expected = f"an argument of {draft.backbone} ({', '.join(allowed) or 'it has none'})"
            yield Violation((*path, name), format_mismatch(expected, name), at_key=True)


def _check_dataset(draft: PartialConfig) -> Iterator[Violation]:
    """Return some data sets need a path; the one to fall back on can't."""
    path = ("data_config", "dataset")
    name, arguments = draft.read_object(*path, default="mnist")
    if name in catalog.PATH_DATASETS and arguments.get("path") is None:
        yield Violation((*path, "path"), f"required for the data set {name!r}, but missing.")
    if name == "digits" and arguments.get("path") is not None:
        yield Violation((*path, "path"), "the data set 'digits' is part of scikit-learn: no path.")
    for key, names in catalog.DATASET_KEYS.items():
        if name not in names and arguments.get(key) is not None:
            message = f"only for the data sets {', '.join(names)}. Found it for {name!r}."
            yield Violation((*path, key), message, at_key=True)
    other = draft.read(*path, "if_unavailable")
    if other is not None and (other in catalog.PATH_DATASETS or other == name):
        expected = "another data set, one that needs no path"
        yield Violation((*path, "if_unavailable"), format_mismatch(expected, other, "'digits'"))


def _check_weights(draft: PartialConfig) -> Iterator[Violation]:
    """Return a misspelt `imagenet` is no path."""
    path = ("model_configuration", "weights")
    name, _ = draft.read_object(*path, default=IMAGENET)
    if not isinstance(name, str) or name == IMAGENET or draft.backbone == catalog.NO_BACKBONE:
        return
    meant = suggest_name(name, (IMAGENET, "random", "none", "null"))
    if meant and not Path(name).exists():
        suggestion = repr(IMAGENET) if meant == IMAGENET else "null, without quotes"
        is_object = isinstance(draft.read(*path), dict)
        expected = "'imagenet', null (random) or the path of weights"
        place = (*path, "name") if is_object else path
        yield Violation(place, format_mismatch(expected, name, suggestion))


def _check_backbone_layers(draft: PartialConfig) -> Iterator[Violation]:
    """Name of backbone layers must exist."""
    if draft.backbone is None:
        return
    fine_tuning = ("training_config", "fine_tuning")
    if draft.backbone == catalog.NO_BACKBONE:
        yield from _check_no_backbone(draft)
        return
    unfreeze_from = draft.read(*fine_tuning, "unfreeze_from")
    if unfreeze_from is not None:
        yield from _check_layer_name(
            draft,
            (*fine_tuning, "unfreeze_from"),
            f"a layer of {draft.backbone}",
            unfreeze_from,
            (),
        )
    trainable = draft.read("model_configuration", "trainable", default="none")
    yield from _check_layer_name(
        draft,
        ("model_configuration", "trainable"),
        f"'none', 'all' or a layer of {draft.backbone}",
        trainable,
        ("none", "all"),
    )


def _check_no_backbone(draft: PartialConfig) -> Iterator[Violation]:
    """Return where there is no backbone, what is asked of one would be passed over in silence."""
    fine_tuning = ("training_config", "fine_tuning")
    if draft.read(*fine_tuning) is not None:
        yield Violation(fine_tuning, "there is no backbone to unfreeze: model_name is 'none'.")
    trainable = ("model_configuration", "trainable")
    if draft.read(*trainable, default="none") not in ("none", "all"):
        yield Violation(trainable, "there is no backbone to train: model_name is 'none'.")
    weights = ("model_configuration", "weights")
    name, _ = draft.read_object(*weights, default=IMAGENET)
    if name not in (None, IMAGENET):
        yield Violation(weights, "there is no backbone to load them into: model_name is 'none'.")


def _check_layer_name(
    draft: PartialConfig,
    path: tuple[str | int, ...],
    expected: str,
    name: str,
    others: tuple[str, ...],
) -> Iterator[Violation]:
    """Yield a name that is neither a backbone layer nor one of the others."""
    candidates = (*others, *draft.backbone_layers)
    if name not in candidates:
        suggestion = suggest_name(name, candidates)
        note = f" See: python run.py list backbones {draft.backbone}"
        yield Violation(
            path, format_mismatch(expected, name, suggestion and repr(suggestion), note)
        )


def _check_report(draft: PartialConfig) -> Iterator[Violation]:
    """Layers whose inside is to be drawn must exist, and have filters where filters are drawn."""
    if draft.backbone is None:
        return
    declared = {layer.name: layer.layer_type or "" for layer in draft.list_layers()}
    layers = declared | draft.backbone_layers
    note = f" See: python run.py list backbones {draft.backbone}" if draft.backbone_layers else ""
    for key, expected in (
        ("feature_maps", "a layer of the network"),
        ("filters", "a convolution layer of the network"),
    ):
        for i, name in enumerate(draft.read("report_config", key, default=()) or ()):
            path = ("report_config", key, i)
            if not isinstance(name, str) or not draft.is_sound(*path):
                continue
            allowed = [n for n, kind in layers.items() if key != "filters" or "Conv2D" in kind]
            if name not in allowed:
                suggestion = suggest_name(name, allowed)
                yield Violation(
                    path, format_mismatch(expected, name, suggestion and repr(suggestion), note)
                )


def _check_optimizer(draft: PartialConfig) -> Iterator[Violation]:
    """Arguments and callbacks that need another setting of the optimizer."""
    path = ("training_config", "optimizer")
    name, arguments = draft.read_object(*path, default="Adam")
    clipping = [key for key in CLIPPING if arguments.get(key) is not None]
    if len(clipping) > 1:
        message = f"only one of {', '.join(CLIPPING)} can be set. Found {' and '.join(clipping)}."
        yield Violation((*path, clipping[-1]), message, at_key=True)
    yield from _check_schedule(draft, (*path, "learning_rate", "config"))
    callbacks = draft.read(*CALLBACKS, default={}) or {}
    if "SwapEMAWeights" in callbacks and arguments.get("use_ema") is not True:
        message = (
            f'needs an optimizer with averaged weights: {{"name": "{name}", "use_ema": true}}.'
        )
        yield Violation((*CALLBACKS, "SwapEMAWeights"), message, at_key=True)
    if "ReduceLROnPlateau" in callbacks and isinstance(arguments.get("learning_rate"), dict):
        message = "can't change a learning rate that follows a schedule: use one of the two."
        yield Violation((*CALLBACKS, "ReduceLROnPlateau"), message, at_key=True)


def _check_schedule(draft: PartialConfig, path: tuple[str | int, ...]) -> Iterator[Violation]:
    """Return a schedule in steps has one value more than it has boundaries."""
    boundaries = draft.read(*path, "boundaries")
    values = draft.read(*path, "values")
    if boundaries and values and len(values) != len(boundaries) + 1:
        expected = f"{len(boundaries) + 1} values, one more than boundaries"
        yield Violation((*path, "values"), format_mismatch(expected, values))


_RULES: tuple[Callable[[PartialConfig], Any], ...] = (
    _check_image,
    _check_backbone_arguments,
    _check_dataset,
    check_classes,
    _check_weights,
    check_objective,
    _check_backbone_layers,
    check_callbacks,
    _check_optimizer,
    _check_report,
    check_solver,
)
