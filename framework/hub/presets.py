"""Presets of KerasHub that hold an image network; reading about them needs no KerasHub."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from framework.errors import RunError

PREFIX = "hub:"
POOLINGS = ("avg", "max", "class_token", "map")
"""How the output of a network is read: the mean or the maximum of the patches or positions, the
token of the class, or the patches where they are in the image."""

SCHEMES = ("kaggle://", "hf://")
CONFIG_FILE = "config.json"
CONVERTER_FILE = "image_converter.json"


class Family(NamedTuple):
    """What is known of a class of backbones.

    Args:
        licence: Of the published weights, as the pages of their authors name it.
        gated: Whether its terms have to be accepted before the first download.
        class_token: Whether its first token is that of the class.
        resizable: Whether it takes images of another size than its weights were trained on.
    """

    licence: str
    gated: bool = False
    class_token: bool = False
    resizable: bool = True


# Licences: the model cards of the weights that KerasHub converted, 2026. DINOv3 and MobileNetV5
# (the image network of Gemma 3n) have terms of their own.
FAMILIES = {
    "CLIP": Family("MIT", class_token=True, resizable=False),
    "CSPNet": Family("Apache-2.0"),
    "DINOV2": Family("Apache-2.0", class_token=True),
    "DINOV3": Family("DINOv3 License", gated=True, class_token=True),
    "DeiT": Family("Apache-2.0", class_token=True, resizable=False),
    "DenseNet": Family("Apache-2.0"),
    "EfficientNet": Family("Apache-2.0"),
    "HGNetV2": Family("Apache-2.0"),
    "MetaCLIP2": Family("CC-BY-NC-4.0", class_token=True, resizable=False),
    "MiT": Family("NVIDIA Source Code License, not for commercial use"),
    "MobileNet": Family("Apache-2.0"),
    "MobileNetV5": Family("Gemma Terms of Use", gated=True),
    "ResNet": Family("Apache-2.0"),
    "SAM": Family("Apache-2.0", resizable=False),
    "SigLIP": Family("Apache-2.0", resizable=False),
    "SwinTransformer": Family("Apache-2.0", resizable=False),
    "VGG": Family("BSD-3-Clause"),
    "ViT": Family("Apache-2.0", class_token=True, resizable=False),
    "Xception": Family("Apache-2.0"),
}

TERMS = {"medsiglip_900m_448": ("HAI-DEF Terms of Use", True)}
"""Licence of presets whose family has another one, and whether they are gated."""

ENDINGS = ("Backbone", "VisionEncoder")
"""Of the classes of a family: `SigLIPVisionEncoder` is a part of `SigLIPBackbone`."""


class PresetError(RunError):
    """A preset that can't be a backbone; the message says why, and what to do."""


class PresetUnavailableError(PresetError):
    """A preset that can't be downloaded."""


@dataclass(frozen=True)
class Preset:
    """A preset of KerasHub.

    Args:
        name: As a config has it, without `hub:`.
        source: A folder, or a handle that begins with `kaggle://` or `hf://`.
        family: A name in `FAMILIES`; `None` where it is not known before the download.
        parameters: How many numbers its weights are, its text encoder's included.
        image_size: Rows and columns of its images; `None`: unknown.
        config: Its `config.json`; `None`: not known before the download.
        converter: Its `image_converter.json`, if that is known.
    """

    name: str
    source: str
    family: str | None = None
    parameters: int | None = None
    image_size: int | None = None
    config: Mapping[str, Any] | None = None
    converter: Mapping[str, Any] | None = None

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder, rather than something to be downloaded."""
        return not self.source.startswith(SCHEMES)

    @property
    def has_converter(self) -> bool:
        """Whether it is known that it says how its images are prepared."""
        return not self.is_folder or Path(self.source, CONVERTER_FILE).is_file()

    @property
    def terms(self) -> tuple[str, bool]:
        """The licence of its weights, and whether it has to be accepted before the download."""
        family = FAMILIES[self.family] if self.family else Family("unknown")
        return TERMS.get(self.name, (family.licence, family.gated))

    @property
    def page(self) -> str:
        """Where people read about it and accept its terms."""
        scheme, _, path = self.source.rpartition("://")
        owner, model, *_ = [*path.split("/"), ""]
        if scheme == "kaggle":
            return f"https://www.kaggle.com/models/{owner}/{model}"
        return f"https://huggingface.co/{owner}/{model}" if scheme else self.source


def make_title(model_name: str) -> str:
    """Return what people call a preset: `hub:dinov2_small`; of a folder its own name."""
    name = model_name.removeprefix(PREFIX)
    return f"{PREFIX}{name if name.startswith(SCHEMES) else Path(name).name}"


def is_hub(model_name: object) -> bool:
    """Return whether a `model_name` is a preset of KerasHub."""
    return isinstance(model_name, str) and model_name.startswith(PREFIX)


@cache
def list_presets() -> dict[str, Preset]:
    """Return KerasHub's own presets by name, as `scripts/hub_presets.py` found them."""
    text = files("framework.hub").joinpath("presets.json").read_text("utf-8")
    return {name: Preset(name, **entry) for name, entry in json.loads(text).items()}


def find_preset(model_name: str) -> Preset:
    """Find a preset by its name, the handle that it is downloaded by, or its folder.

    Args:
        model_name: `"hub:dinov2_small"`, `"hub:hf://google/vit-base-patch16-224"`,
            `"hub:./folder"`.

    Raises:
        PresetError: There is none, or its network takes no images.
    """
    name = model_name.removeprefix(PREFIX)
    if name in list_presets():
        return list_presets()[name]
    if name.startswith(SCHEMES):
        return Preset(name, name)
    folder = Path(name).expanduser()
    if not folder.is_dir():
        raise PresetError(f"there is no preset {name!r} of KerasHub, nor a folder of this name.")
    try:
        config = json.loads((folder / CONFIG_FILE).read_text("utf-8"))
    except OSError as error:
        raise PresetError(f"{folder} has no {CONFIG_FILE}: it holds no preset.") from error
    except ValueError as error:
        raise PresetError(f"{folder / CONFIG_FILE} is damaged: {error}.") from error
    if not isinstance(config, dict):
        raise PresetError(f"{folder / CONFIG_FILE} is damaged: it holds no JSON object.")
    if "registered_name" not in config:  # Of Transformers or timm, which KerasHub reads, too.
        return Preset(name, str(folder), config=config)
    return Preset(name, str(folder), find_family(config.get("class_name"), name), config=config)


def find_family(class_name: object, name: str) -> str:
    """Return the family of a class of KerasHub.

    Args:
        class_name: Such as `"DINOV2Backbone"`.
        name: Of the preset, for the message.

    Raises:
        PresetError: The class takes something else than one image.
    """
    for ending in ENDINGS:
        family = str(class_name).removesuffix(ending)
        if family in FAMILIES and family != class_name:
            return family
    raise PresetError(
        f"{name} holds a {class_name}, which does not make features of one image: expected a "
        f"preset of {', '.join(FAMILIES)}."
    )
