"""Write which presets of image networks KerasHub has.

python -m scripts.hub_presets                      write presets.json
python -m scripts.hub_presets --check dinov2_small
                    exit 1 if presets.json differs from KerasHub, of these also in the network
"""

import argparse
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import keras_hub

from framework.hub.presets import ENDINGS, FAMILIES

PRESETS = Path(__file__).resolve().parent.parent / "framework" / "hub" / "presets.json"

# Width, blocks, heads and width of the MLP. Sources: Dosovitskiy et al. (2021), table 1;
# Touvron et al. (2021), table 1; Oquab et al. (2024), table 16.
SIZES = {
    "tiny": (192, 12, 3, 768),
    "small": (384, 12, 6, 1536),
    "base": (768, 12, 12, 3072),
    "large": (1024, 24, 16, 4096),
    "huge": (1280, 32, 16, 5120),
    "giant": (1536, 40, 24, 6144),
}

# Of SigLIP base (12 blocks of 768, 32,000 words, 64 positions), and what scales its product.
TEXT_ENCODER = 110_271_808 + 2

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
HALF = (0.5, 0.5, 0.5)

# How the images of a family are prepared: mean, standard deviation and arguments.
# Source: KerasHub's tools/checkpoint_conversion.
CONVERTERS: dict[str, tuple[tuple[float, ...], tuple[float, ...], dict[str, Any]]] = {
    "ViT": (HALF, HALF, {}),
    "DeiT": (
        IMAGENET_MEAN,
        IMAGENET_STD,
        {"interpolation": "bicubic", "antialias": True, "crop_to_aspect_ratio": False},
    ),
    "DINOV2": (IMAGENET_MEAN, IMAGENET_STD, {"interpolation": "bicubic"}),
    "SigLIP": (
        HALF,
        HALF,
        {"interpolation": "bicubic", "antialias": True, "crop_to_aspect_ratio": False},
    ),
}


# Where neither name nor description tells. Source: KerasHub's tools/checkpoint_conversion.
NATIVE_SIZES = {"CLIP": 224, "DINOV2": 518, "DINOV3": 224, "SAM": 1024}


def describe_presets() -> dict[str, dict[str, Any]]:
    """Return what is known of each preset without its network: name -> fields of `Preset`."""
    return {
        name: {
            "source": entry["kaggle_handle"],
            "family": family,
            "parameters": entry["metadata"]["params"],
            "image_size": find_image_size(f"{name} {entry['metadata']['description']}", family),
        }
        for family in FAMILIES
        for name, entry in getattr(keras_hub.models, f"{family}{ENDINGS[0]}").presets.items()
    }


def find_image_size(text: str, family: str) -> int | None:
    """Return the rows that a preset's name or description tells of."""
    patterns = (
        r"image size (?:of )?(\d+)",
        r"(\d{3,4})x\d{3,4}",
        r"_patch.*_(\d{3,4})\b",
        r"_r(\d{3,4})_",
        r"_(512|640|1024)\b",
    )
    found = re.search("|".join(patterns), text)
    return int(next(filter(None, found.groups()))) if found else NATIVE_SIZES.get(family)


def describe_architecture(name: str, fields: dict[str, Any]) -> dict[str, Any]:
    """Return `config` and `converter` of a preset whose architecture is published.

    With them it is built with random weights where nothing can be downloaded.

    Raises:
        ValueError: The network has another number of parameters than the preset.
    """
    family = fields["family"]
    size = next((size for size in SIZES if f"_{size}" in f"_{name}"), None)
    known = {
        "ViT": family == "ViT",
        "DeiT": family == "DeiT",
        "DINOV2": family == "DINOV2",
        "SigLIP": name == "siglip_base_patch16_224",
    }
    if size is None or not known.get(family):
        return {}
    pixels = fields["image_size"]
    network = build_network(name, family, size, pixels)
    count = network.count_params() + (TEXT_ENCODER if family == "SigLIP" else 0)
    if count != fields["parameters"]:
        raise ValueError(f"{name}: {count:,} parameters, not {fields['parameters']:,}")
    config = keras.saving.serialize_keras_object(network)
    for key in ("dtype", "name", "trainable"):
        config["config"].pop(key, None)
    kept = ("module", "class_name", "config", "registered_name")
    mean, std, arguments = CONVERTERS[family]
    converter = getattr(keras_hub.layers, f"{family}ImageConverter")(
        image_size=(pixels, pixels),
        scale=[1 / 255 / one for one in std],
        offset=[-one / other for one, other in zip(mean, std, strict=True)],
        **arguments,
    )
    described = keras.saving.serialize_keras_object(converter)
    for key in ("dtype", "name", "trainable"):
        described["config"].pop(key, None)
    return {
        "config": {key: config[key] for key in kept},
        "converter": {key: described[key] for key in kept},
    }


def build_network(name: str, family: str, size: str, pixels: int) -> keras.Model:
    """Build a preset's network, without making its weights."""
    width, blocks, heads, mlp = SIZES[size]
    shape = (pixels, pixels, 3)
    common = {"num_layers": blocks, "num_heads": heads, "hidden_dim": width, "image_shape": shape}
    found = re.search(r"patch(\d+)", name)
    patch = int(found.group(1)) if found else 14
    with keras.StatelessScope(initialize_variables=False):
        if family == "ViT":
            return keras_hub.models.ViTBackbone(patch_size=patch, mlp_dim=mlp, **common)
        if family == "DeiT":
            return keras_hub.models.DeiTBackbone(patch_size=patch, intermediate_dim=mlp, **common)
        if family == "SigLIP":
            return keras_hub.models.SigLIPVisionEncoder(
                patch_size=patch, intermediate_dim=mlp, **common
            )
        return keras_hub.models.DINOV2Backbone(
            patch_size=patch,
            intermediate_dim=mlp,
            num_register_tokens=4 if "registers" in name else 0,
            use_swiglu_ffn=size == "giant",
            position_embedding_shape=shape,
            antialias_in_interpolation="registers" in name,
            **common,
        )


def main() -> int:
    """Write the presets, or check them; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", nargs="*", metavar="NAME")
    names = parser.parse_args().check
    presets = describe_presets()
    for name, fields in presets.items():
        if names is None or name in names:
            fields.update(describe_architecture(name, fields))
    if names is None:
        lines = (f" {json.dumps(name)}: {json.dumps(fields)}" for name, fields in presets.items())
        PRESETS.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
        return 0
    written = json.loads(PRESETS.read_text(encoding="utf-8"))
    for name in written.keys() - set(names):
        for key in ("config", "converter"):
            written[name].pop(key, None)
    if json.loads(json.dumps(presets)) == written:
        return 0
    print("presets.json differs from KerasHub: run python -m scripts.hub_presets")
    return 1


if __name__ == "__main__":
    sys.exit(main())
