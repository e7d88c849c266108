"""What a config must keep beyond its schema: rules that look at several keys at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from framework.config import catalog
from framework.config.checking import Finding, say_mismatch
from framework.config.classes import check_classes
from framework.config.draft import Draft
from framework.config.graph import check_graph
from framework.config.outputs import ACCURACY, METRICS, check_end, check_objective
from framework.config.suggestions import suggest_name

IMAGENET = "imagenet"
CALLBACKS = ("training_config", "call_backs_conf")
CLIPPING = ("clipnorm", "clipvalue", "global_clipnorm")


def check_rules(draft: Draft) -> list[Finding]:
    """Returns what is wrong with a config that its schema can't say."""
    findings = list(check_graph(draft))
    if not findings:  # Otherwise it is not sure which layer is the last.
        findings.extend(check_end(draft))
    return findings + [finding for rule in _RULES for finding in rule(draft)]


def _check_image(draft: Draft) -> Iterator[Finding]:
    """Images must be large enough for the backbone, and have the channels its weights need."""
    if draft.backbone in (None, catalog.NO_BACKBONE):
        return
    shape = ("data_config", "image_shape")
    smallest = catalog.find_entry("backbones", draft.backbone)["smallest_image"]
    for key in ("image_rows", "image_columns"):
        pixels = draft.read(*shape, key, default=smallest)
        if pixels < smallest:
            expected = f"at least {smallest}: {draft.backbone} takes no smaller images"
            yield Finding((*shape, key), say_mismatch(expected, pixels))
    weights, _ = draft.read_object("model_configuration", "weights", default=IMAGENET)
    channels = draft.read(*shape, "channel_numbers", default=3)
    if weights == IMAGENET and channels != 3:
        yield Finding(
            (*shape, "channel_numbers"),
            f"expected 3: ImageNet weights are for RGB. Found {channels}. Grey images are repeated "
            "to RGB when it is 3; otherwise set model_configuration.weights to null.",
        )


def _check_backbone_arguments(draft: Draft) -> Iterator[Finding]:
    """A backbone takes only arguments that its application has."""
    path = ("model_configuration", "model_arguments")
    if draft.backbone is None:
        return
    allowed = catalog.list_backbone_arguments(draft.backbone)
    for name in draft.read(*path, default={}) or {}:
        if name not in allowed and draft.is_sound(*path, name):
            expected = f"an argument of {draft.backbone} ({', '.join(allowed) or 'it has none'})"
            yield Finding((*path, name), say_mismatch(expected, name), at_key=True)


def _check_dataset(draft: Draft) -> Iterator[Finding]:
    """Some data sets need a path; the one to fall back on can't."""
    path = ("data_config", "dataset")
    name, arguments = draft.read_object(*path, default="mnist")
    if name in catalog.PATH_DATASETS and arguments.get("path") is None:
        yield Finding((*path, "path"), f"required for the data set {name!r}, but missing.")
    if name == "digits" and arguments.get("path") is not None:
        yield Finding((*path, "path"), "the data set 'digits' is part of scikit-learn: no path.")
    for key, names in catalog.DATASET_KEYS.items():
        if name not in names and arguments.get(key) is not None:
            message = f"only for the data sets {', '.join(names)}. Found it for {name!r}."
            yield Finding((*path, key), message, at_key=True)
    other = draft.read(*path, "if_unavailable")
    if other is not None and (other in catalog.PATH_DATASETS or other == name):
        expected = "another data set, one that needs no path"
        yield Finding((*path, "if_unavailable"), say_mismatch(expected, other, "'digits'"))


def _check_weights(draft: Draft) -> Iterator[Finding]:
    """A misspelt `imagenet` is no path."""
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
        yield Finding(place, say_mismatch(expected, name, suggestion))


def _check_backbone_layers(draft: Draft) -> Iterator[Finding]:
    """Names of backbone layers must exist."""
    if draft.backbone is None:
        return
    fine_tuning = ("training_config", "fine_tuning")
    if draft.backbone == catalog.NO_BACKBONE:
        if draft.read(*fine_tuning) is not None:
            yield Finding(fine_tuning, "there is no backbone to unfreeze: model_name is 'none'.")
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


def _check_layer_name(
    draft: Draft, path: tuple[str | int, ...], expected: str, name: str, others: tuple[str, ...]
) -> Iterator[Finding]:
    """Yields a name that is neither a backbone layer nor one of the others."""
    candidates = (*others, *draft.backbone_layers)
    if name not in candidates:
        suggestion = suggest_name(name, candidates)
        note = f" See: python run.py list backbones {draft.backbone}"
        yield Finding(path, say_mismatch(expected, name, suggestion and repr(suggestion), note))


def _check_report(draft: Draft) -> Iterator[Finding]:
    """Layers whose inside is to be drawn must exist, and have filters where filters are drawn."""
    if draft.backbone is None:
        return
    declared = {layer.name: layer.layer_type or "" for layer in draft.list_layers()}
    layers = declared | draft.backbone_layers
    for key, expected in (("feature_maps", "a layer"), ("filters", "a convolution layer")):
        for i, name in enumerate(draft.read("report_config", key, default=()) or ()):
            path = ("report_config", key, i)
            if not isinstance(name, str) or not draft.is_sound(*path):
                continue
            allowed = [n for n, kind in layers.items() if key != "filters" or "Conv2D" in kind]
            if name not in allowed:
                suggestion = suggest_name(name, allowed)
                yield Finding(path, say_mismatch(expected, name, suggestion and repr(suggestion)))


def _check_callbacks(draft: Draft) -> Iterator[Finding]:
    """Callbacks must watch what is measured, and write only into the run directory."""
    measured = list_measured(draft)
    for name in draft.read(*CALLBACKS, default={}) or {}:
        if name not in catalog.list_names("callbacks"):
            continue
        for argument, entry in catalog.find_entry("callbacks", name)["arguments"].items():
            path = (*CALLBACKS, name, argument)
            value = draft.read(*path, default=entry.get("default"))
            if entry["takes"] == "monitor" and measured and value not in measured:
                suggestion = suggest_name(value, measured)
                expected = f"a measured value ({', '.join(measured)})"
                yield Finding(path, say_mismatch(expected, value, suggestion and repr(suggestion)))
            if entry["takes"] == "path in the run directory" and value is not None:
                yield from _check_run_path(path, value)
    yield from _check_checkpoint(draft)


def list_measured(draft: Draft) -> list[str]:
    """Returns the names of all values that are measured in an epoch; none if one is wrong."""
    names = ["loss", "accuracy"]
    metrics = draft.read(*METRICS, default=()) or ()
    for i, _ in enumerate(metrics):
        name, _ = draft.read_object(*METRICS, i, default="")
        if name == ACCURACY:
            continue
        if name not in catalog.list_names("metrics"):
            return []
        names.append(catalog.find_entry("metrics", name)["log_name"])
    return [*names, *(f"val_{name}" for name in names), "learning_rate"]


def _check_run_path(path: tuple[str | int, ...], value: str) -> Iterator[Finding]:
    """Yields a path that leads out of the run directory."""
    parts = (PurePosixPath(value), PureWindowsPath(value))
    outside = any(part.is_absolute() or part.drive or ".." in part.parts for part in parts)
    if outside or value.startswith("~") or "\0" in value:
        yield Finding(path, say_mismatch("a path inside the run directory, relative to it", value))


def _check_checkpoint(draft: Draft) -> Iterator[Finding]:
    """Keras tells the format of a checkpoint by the ending of its name."""
    path = (*CALLBACKS, "ModelCheckpoint")
    file = draft.read(*path, "filepath")
    if file is None:
        return
    weights_only = draft.read(*path, "save_weights_only", default=False)
    ending = ".weights.h5" if weights_only else ".keras"
    if not file.endswith(ending):
        yield Finding((*path, "filepath"), say_mismatch(f"a name that ends in {ending}", file))


def _check_optimizer(draft: Draft) -> Iterator[Finding]:
    """Arguments and callbacks that need another setting of the optimizer."""
    path = ("training_config", "optimizer")
    name, arguments = draft.read_object(*path, default="Adam")
    clipping = [key for key in CLIPPING if arguments.get(key) is not None]
    if len(clipping) > 1:
        message = f"only one of {', '.join(CLIPPING)} can be set. Found {' and '.join(clipping)}."
        yield Finding((*path, clipping[-1]), message, at_key=True)
    yield from _check_schedule(draft, (*path, "learning_rate", "config"))
    callbacks = draft.read(*CALLBACKS, default={}) or {}
    if "SwapEMAWeights" in callbacks and arguments.get("use_ema") is not True:
        message = (
            f'needs an optimizer with averaged weights: {{"name": "{name}", "use_ema": true}}.'
        )
        yield Finding((*CALLBACKS, "SwapEMAWeights"), message, at_key=True)
    if "ReduceLROnPlateau" in callbacks and isinstance(arguments.get("learning_rate"), dict):
        message = "can't change a learning rate that follows a schedule: use one of the two."
        yield Finding((*CALLBACKS, "ReduceLROnPlateau"), message, at_key=True)


def _check_schedule(draft: Draft, path: tuple[str | int, ...]) -> Iterator[Finding]:
    """A schedule in steps has one value more than it has boundaries."""
    boundaries = draft.read(*path, "boundaries")
    values = draft.read(*path, "values")
    if boundaries and values and len(values) != len(boundaries) + 1:
        expected = f"{len(boundaries) + 1} values, one more than boundaries"
        yield Finding((*path, "values"), say_mismatch(expected, values))


_RULES: tuple[Callable[[Draft], Any], ...] = (
    _check_image,
    _check_backbone_arguments,
    _check_dataset,
    check_classes,
    _check_weights,
    check_objective,
    _check_backbone_layers,
    _check_callbacks,
    _check_optimizer,
    _check_report,
)
