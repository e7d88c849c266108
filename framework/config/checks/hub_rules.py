"""What a preset of KerasHub asks of the config."""

from collections.abc import Iterator
from pathlib import Path

from framework.config import catalog
from framework.config.checks.partial_config import PartialConfig
from framework.config.violations import Violation, format_mismatch, format_unknown
from framework.errors import RunError
from framework.hub.presets import (
    FAMILIES,
    POOLINGS,
    PREFIX,
    Preset,
    PresetError,
    find_preset,
    is_hub,
    list_presets,
)

MODEL_NAME = ("model_configuration", "model_name")
ARGUMENTS = ("model_configuration", "model_arguments")
PREPROCESSING = ("model_configuration", "preprocessing")
CHANNELS = ("data_config", "image_shape", "channel_numbers")


def check_hub_preset(partial: PartialConfig) -> Iterator[Violation]:
    """Yield a preset that can't be a backbone, and what does not fit it."""
    name = partial.backbone
    if name is None:
        return
    pooling = partial.read(*ARGUMENTS, "pooling")
    if not is_hub(name):
        if pooling in POOLINGS[2:]:
            expected = f"'avg', 'max' or null: {name} has no tokens"
            yield Violation((*ARGUMENTS, "pooling"), format_mismatch(expected, pooling))
        return
    try:
        preset = find_preset(name)
        catalog.load_backbone_layers(name)
    except PresetError as error:
        yield Violation(MODEL_NAME, _explain(name, error))
        return
    except RunError as error:  # KerasHub is not installed.
        yield Violation(MODEL_NAME, str(error))
        return
    if (channels := partial.read(*CHANNELS)) != 3:
        message = f"3: {name} is for RGB. Grey images are repeated to RGB"
        yield Violation(CHANNELS, format_mismatch(message, channels))
    if partial.read(*PREPROCESSING) is not None and preset.has_converter:
        yield Violation(PREPROCESSING, f"{name} has its own.", at_key=True)
    yield from _check_arguments(partial, name, preset, pooling)


def _check_arguments(
    partial: PartialConfig, name: str, preset: Preset, pooling: str | None
) -> Iterator[Violation]:
    """Yield a class token that there is none of, and a size that the network can't take."""
    if preset.family is None:
        return
    family = FAMILIES[preset.family]
    if pooling == "class_token" and not family.class_token:
        expected = f"'avg', 'max', 'map' or null: {name} has no class token"
        yield Violation((*ARGUMENTS, "pooling"), format_mismatch(expected, pooling))
    size = partial.read(*ARGUMENTS, "image_size")
    if size is not None and not family.resizable:
        own = f"{preset.image_size} pixels" if preset.image_size else "one size"
        message = f"{name} takes images of {own} only, to which they are resized."
        yield Violation((*ARGUMENTS, "image_size"), message, at_key=True)


def _explain(name: str, error: PresetError) -> str:
    """Return why there is no such preset, with the name that was probably meant."""
    stem = name.removeprefix(PREFIX)
    if stem in list_presets() or "/" in stem or Path(stem).exists():
        return str(error)
    expected = "a preset of KerasHub, a handle (kaggle://…, hf://…) or the path of a folder"
    note = " See: python run.py list backbones"
    return format_unknown(expected, name, [f"{PREFIX}{each}" for each in list_presets()], note)
