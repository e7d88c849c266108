"""What a backbone asks of the images, its weights and arguments, and the names of its layers."""

from collections.abc import Iterator
from pathlib import Path

from framework.config import catalog
from framework.config.catalog import IMAGENET, NO_BACKBONE
from framework.config.checks.partial_config import PartialConfig
from framework.config.keras_file import KerasFileError, is_keras_file, read_keras_file
from framework.config.source_map import KeyPath
from framework.config.suggestions import suggest_name
from framework.config.violations import Violation, format_mismatch, format_unknown
from framework.hub.presets import is_hub

IMAGE_SHAPE = ("data_config", "image_shape")
WEIGHTS = ("model_configuration", "weights")
PREPROCESSING = ("model_configuration", "preprocessing")
TRAINABLE = ("model_configuration", "trainable")
FINE_TUNING = ("training_config", "fine_tuning")


def check_image_shape(partial: PartialConfig) -> Iterator[Violation]:
    """Yield a shape below the backbone's minimum, or with channels that its weights don't have."""
    if partial.backbone in (None, NO_BACKBONE):
        return
    smallest = catalog.find_smallest_image(partial.backbone)
    for key in ("image_rows", "image_columns"):
        pixels = partial.read(*IMAGE_SHAPE, key)
        if pixels < smallest:
            expected = f"at least {smallest}: {partial.backbone} takes no smaller images"
            yield Violation((*IMAGE_SHAPE, key), format_mismatch(expected, pixels))
    weights, _ = partial.read_object(*WEIGHTS)
    channels = partial.read(*IMAGE_SHAPE, "channel_numbers")
    if weights == IMAGENET and channels != 3 and not catalog.has_own_weights(partial.backbone):
        yield Violation(
            (*IMAGE_SHAPE, "channel_numbers"),
            f"expected 3: ImageNet weights are for RGB. Found {channels}. Grey images are repeated "
            "to RGB when it is 3; otherwise set model_configuration.weights to null.",
        )


def check_keras_file(partial: PartialConfig) -> Iterator[Violation]:
    """Yield a file that can't be a backbone, or takes other images than the config has."""
    path = ("model_configuration", "model_name")
    name = partial.backbone
    if name is None:
        return
    if not is_keras_file(name):
        if partial.read(*PREPROCESSING) is not None and not is_hub(name):
            message = f"only for the .keras file of a network: {name} has its own."
            yield Violation(PREPROCESSING, message, at_key=True)
        return
    try:
        file = read_keras_file(name)
    except KerasFileError as error:
        yield Violation(path, f"{error}.")
        return
    keys = ("image_rows", "image_columns", "channel_numbers")
    for key, side in zip(keys, file.image_shape, strict=True):
        found = partial.read(*IMAGE_SHAPE, key)
        if side is not None and found != side:
            expected = f"{side}, the size that {Path(name).name} was built for"
            yield Violation((*IMAGE_SHAPE, key), format_mismatch(expected, found))
    if file.scales and partial.read(*PREPROCESSING) not in (None, "none"):
        message = f"expected 'none': {Path(name).name} prepares images itself."
        yield Violation(PREPROCESSING, message)


def check_backbone_arguments(partial: PartialConfig) -> Iterator[Violation]:
    """Yield arguments that the backbone's application does not have."""
    path = ("model_configuration", "model_arguments")
    if partial.backbone is None:
        return
    allowed = catalog.list_backbone_arguments(partial.backbone)
    for name in partial.read(*path) or {}:
        if name not in allowed and partial.is_sound(*path, name):
            expected = f"an argument of {partial.backbone} ({', '.join(allowed) or 'it has none'})"
            yield Violation((*path, name), format_mismatch(expected, name), at_key=True)


def check_saved_model(partial: PartialConfig) -> Iterator[Violation]:
    """Yield a saved model that a training would not read."""
    path = ("model_configuration", "saved_model")
    if partial.read(*path) is not None and partial.read("training_config", "enable_training"):
        message = (
            "only read with training_config.enable_training: false, which evaluates it. To begin "
            "a training with the backbone of a run, name the run in weights."
        )
        yield Violation(path, message, at_key=True)


def check_weights(partial: PartialConfig) -> Iterator[Violation]:
    """Yield weights that are a misspelt `imagenet` rather than a path."""
    name, _ = partial.read_object(*WEIGHTS)
    if not isinstance(name, str) or name == IMAGENET or partial.backbone == NO_BACKBONE:
        return
    meant = suggest_name(name, (IMAGENET, "random", "none", "null"))
    if meant and not Path(name).exists():
        suggestion = repr(IMAGENET) if meant == IMAGENET else "null, without quotes"
        expected = "'imagenet', null (random) or the path of weights"
        path = (*WEIGHTS, "name") if isinstance(partial.read(*WEIGHTS), dict) else WEIGHTS
        yield Violation(path, format_mismatch(expected, name, suggestion))


def check_backbone_layers(partial: PartialConfig) -> Iterator[Violation]:
    """Yield names of backbone layers that do not exist."""
    if partial.backbone is None:
        return
    if partial.backbone == NO_BACKBONE:
        yield from _check_no_backbone(partial)
        return
    named: tuple[tuple[KeyPath, tuple[str, ...], str], ...] = (
        ((*FINE_TUNING, "unfreeze_from"), (), ""),
        (TRAINABLE, ("none", "all"), "'none', 'all' or "),
    )
    for path, others, prefix in named:
        name = partial.read(*path)
        candidates = (*others, *partial.backbone_layers)
        if name is not None and name not in candidates:
            expected = f"{prefix}a layer of {partial.backbone}"
            note = _refer_to_layers(partial)
            yield Violation(path, format_unknown(expected, name, candidates, note))


def _check_no_backbone(partial: PartialConfig) -> Iterator[Violation]:
    """Yield what is asked of a backbone where there is none: it would silently do nothing."""
    if partial.read(*FINE_TUNING) is not None:
        yield Violation(FINE_TUNING, "there is no backbone to unfreeze: model_name is 'none'.")
    if partial.read(*TRAINABLE) not in ("none", "all"):
        yield Violation(TRAINABLE, "there is no backbone to train: model_name is 'none'.")
    name, _ = partial.read_object(*WEIGHTS)
    if name not in (None, IMAGENET):
        yield Violation(WEIGHTS, "there is no backbone to load them into: model_name is 'none'.")


def check_report(partial: PartialConfig) -> Iterator[Violation]:
    """Yield layers to be drawn that do not exist, or have no filters where filters are drawn."""
    if partial.backbone is None:
        return
    declared = {layer.name: layer.layer_type or "" for layer in partial.list_layers()}
    layers = declared | partial.backbone_layers
    note = _refer_to_layers(partial) if partial.backbone_layers else ""
    for key, expected in (
        ("feature_maps", "a layer of the network"),
        ("filters", "a convolution layer of the network"),
    ):
        allowed = [name for name, kind in layers.items() if key != "filters" or "Conv2D" in kind]
        for i, name in enumerate(partial.read("report_config", key) or ()):
            path = ("report_config", key, i)
            if isinstance(name, str) and partial.is_sound(*path) and name not in allowed:
                yield Violation(path, format_unknown(expected, name, allowed, note))


def _refer_to_layers(partial: PartialConfig) -> str:
    """Return where to see the layers of the backbone."""
    return f" See: python run.py list backbones {partial.backbone}"
