"""What the catalogue holds of each network of Keras Applications."""

import inspect
import re
from pathlib import Path
from typing import Any

import keras

from scripts.docstrings import summarize

CONFIG_FOLDER = Path(__file__).resolve().parent.parent / "framework" / "config"
BACKBONES = CONFIG_FOLDER / "backbones"

# Top-1 and top-5 accuracy on ImageNet's validation set and the size of the weights in MB,
# as published on https://keras.io/api/applications/ (None: not published there).
PUBLISHED: dict[str, tuple[float | None, float | None, int | None]] = {
    "ConvNeXtBase": (85.3, None, 339),
    "ConvNeXtLarge": (86.3, None, 755),
    "ConvNeXtSmall": (82.3, None, 192),
    "ConvNeXtTiny": (81.3, None, 109),
    "ConvNeXtXLarge": (86.7, None, 1310),
    "DenseNet121": (75.0, 92.3, 33),
    "DenseNet169": (76.2, 93.2, 57),
    "DenseNet201": (77.3, 93.6, 80),
    "EfficientNetB0": (77.1, 93.3, 29),
    "EfficientNetB1": (79.1, 94.4, 31),
    "EfficientNetB2": (80.1, 94.9, 36),
    "EfficientNetB3": (81.6, 95.7, 48),
    "EfficientNetB4": (82.9, 96.4, 75),
    "EfficientNetB5": (83.6, 96.7, 118),
    "EfficientNetB6": (84.0, 96.8, 166),
    "EfficientNetB7": (84.3, 97.0, 256),
    "EfficientNetV2B0": (78.7, 94.3, 29),
    "EfficientNetV2B1": (79.8, 95.0, 34),
    "EfficientNetV2B2": (80.5, 95.1, 42),
    "EfficientNetV2B3": (82.0, 95.8, 59),
    "EfficientNetV2L": (85.7, 97.5, 479),
    "EfficientNetV2M": (85.3, 97.4, 220),
    "EfficientNetV2S": (83.9, 96.7, 88),
    "InceptionResNetV2": (80.3, 95.3, 215),
    "InceptionV3": (77.9, 93.7, 92),
    "MobileNet": (70.4, 89.5, 16),
    "MobileNetV2": (71.3, 90.1, 14),
    "NASNetLarge": (82.5, 96.0, 343),
    "NASNetMobile": (74.4, 91.9, 23),
    "ResNet101": (76.4, 92.8, 171),
    "ResNet101V2": (77.2, 93.8, 171),
    "ResNet152": (76.6, 93.1, 232),
    "ResNet152V2": (78.0, 94.2, 232),
    "ResNet50": (74.9, 92.1, 98),
    "ResNet50V2": (76.0, 93.0, 98),
    "VGG16": (71.3, 90.1, 528),
    "VGG19": (71.3, 90.0, 549),
    "Xception": (79.0, 94.5, 88),
}


def list_applications() -> dict[str, Any]:
    """Return every function of Keras Applications that builds a network."""
    return {
        name: value
        for name, value in sorted(vars(keras.applications).items())
        if inspect.isfunction(value)
    }


def describe_backbone(name: str, build: Any) -> dict[str, Any]:
    """Return the catalogue entry of an application, without building it."""
    top1, top5, megabytes = PUBLISHED.get(name, (None, None, None))
    module = inspect.getmodule(build)
    return {
        "summary": summarize(build),
        "module": module.__name__.rpartition(".")[2],
        "parameters": int(read_header(name)["parameters"]),
        "smallest_image": find_smallest_image(build),
        "imagenet_top1": top1,
        "imagenet_top5": top5,
        "weights_mb": megabytes,
    }


def read_header(name: str) -> dict[str, str]:
    """Return the `key: value` lines at the head of a backbone's list of layers."""
    lines = (BACKBONES / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return dict(line[2:].split(": ", 1) for line in lines if line.startswith("# "))


def find_smallest_image(build: Any) -> int:
    """Return the fewest rows an application takes, as its own check says."""
    try:
        build(weights=None, include_top=False, input_shape=(1, 1, 3))
    except ValueError as error:
        if match := re.search(r"at least (\d+)x\1", str(error)):
            return int(match[1])
        raise
    return 1


def list_backbone_layers(build: Any) -> str:
    """Return an application's layers from the input up, one `name class` a line."""
    keras.utils.clear_session(free_memory=True)  # Layers without a name are numbered anew.
    model = build(weights=None, include_top=False, input_shape=(96, 96, 3))
    layers = [
        f"{layer.name} {type(layer).__name__}"
        for layer in model.layers
        if not isinstance(layer, keras.layers.InputLayer)
    ]
    return "\n".join([f"# parameters: {model.count_params()}", *layers, ""])
