"""The choice of the frozen part: backbone, layer and size of the image, each with its reason."""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

from framework.config.catalog import CLASSES
from framework.proposal.image_survey import ImageSurvey
from framework.proposal.machine import Machine
from framework.utils.text import format_duration, pluralize

VIEWS = 2
"""Sets of augmented images: the first is not augmented."""

SIZES = (224, 160, 128, 96, 64, 32)
ENLARGED = 96
"""Small photographs are enlarged to this size: docs/init.md has what it gains."""

PASS_SECONDS = 600
"""The longest that the features may take by estimate, once."""

MOST_FEATURES = 8192
"""Numbers of an image that a layer is read in; larger maps are averaged first."""


class Backbone(NamedTuple):
    """A backbone to choose.

    Attributes:
        gigaflops: Of one image of 224x224.
        rate: Gigaflops per second and processor, measured with AVX-512.
        layer: What is read; `None`: the output, averaged.
        stride: Pixels of the image for one of the layer's map.
        channels: Of the layer.
    """

    gigaflops: float
    rate: float
    layer: str | None = None
    stride: int = 32
    channels: int = 512


# Best first. Sources: Keras Applications and the papers; layers of VGG16: docs/probe.md.
BACKBONES = {
    "ConvNeXtTiny": Backbone(9.0, 60),
    "EfficientNetV2B0": Backbone(1.5, 20),
    "ResNet50": Backbone(7.8, 60),
    "MobileNetV2": Backbone(0.6, 15),
    "VGG16": Backbone(30.7, 110, "block5_conv1", 16),
}
CHARACTER_LAYER = Backbone(30.7, 110, "block4_conv1", 8)
"""VGG16 as characters need it."""


@dataclass(frozen=True)
class Network:
    """What was chosen for the frozen part.

    Args:
        name: The backbone.
        why: The reason.
        size: Rows and columns of the image.
        why_size: The reason.
        top: The `model_top_config`.
        why_top: The reason.
        feature_seconds: How long all features take, by estimate.
    """

    name: str
    why: str
    size: int
    why_size: str
    top: dict[str, Any]
    why_top: str
    feature_seconds: float = 0.0


def choose_network(survey: ImageSurvey, machine: Machine) -> Network:
    """Choose backbone, layer and size of the image by rules; see docs/init.md."""
    name, why = _choose_backbone(survey, machine)
    backbone = CHARACTER_LAYER if survey.is_flat else BACKBONES[name]
    size, why_size = _choose_size(survey, machine, name, backbone)
    seconds = _estimate_seconds(survey, machine, backbone, size)
    return Network(name, why, size, why_size, *_make_top(survey, backbone, size), seconds)


def _choose_backbone(survey: ImageSurvey, machine: Machine) -> tuple[str, str]:
    cached = [name for name in BACKBONES if name in machine.cached]
    here = "ImageNet weights are in Keras's cache already"
    if survey.is_flat:
        where = f"its {here if 'VGG16' in cached else 'ImageNet weights are 59 MB to download'}"
        return "VGG16", (
            f"The images are {survey.kind} on a plain background: the middle layers of VGG16 tell "
            f"them apart best; {where}."
        )
    if cached:
        return cached[0], f"Its {here}."
    if not machine.is_online:
        return "VGG16", (
            "No ImageNet weights are in Keras's cache, and none can be downloaded now. Until they "
            "can, weights are random, and those of VGG16 still give features of some use."
        )
    if machine.has_gpu:
        return "ConvNeXtTiny", "This machine has a GPU, which is fast enough for it."
    count = pluralize(machine.processors, "processor")
    return "EfficientNetV2B0", (
        f"This machine has {count} and no GPU: it is accurate for its 1.5 gigaflops an image of "
        "224x224, and its weights are 24 MB to download."
    )


def _choose_size(
    survey: ImageSurvey, machine: Machine, name: str, backbone: Backbone
) -> tuple[int, str]:
    side = survey.usual_side
    seen = f"The shorter side of the images is {side} pixels" + (
        "" if len(survey.sizes) == 1 else " in the median"
    )
    if survey.is_flat:
        size = 32 if side <= 32 else 64
        return size, f"{seen}; for {survey.kind} {size} is enough, and ImageNet's networks take it."
    wanted = next(size for size in SIZES if size <= max(ENLARGED, side))
    size, seconds = SIZES[-1], 0.0
    for size in SIZES:
        seconds = _estimate_seconds(survey, machine, backbone, size)
        if size <= wanted and seconds <= PASS_SECONDS:
            break
    reason = f"{seen}."
    if size > side:
        reason += (
            f" They are enlarged, since frozen features of {side}x{side} are much worse: networks "
            "learned from images of 224x224."
        )
    elif size < wanted:
        reason += (
            f" Larger ones would be better, but the features of {name} would take longer than "
            f"{format_duration(PASS_SECONDS)} here, by estimate."
        )
    return size, f"{reason} All features take about {format_duration(seconds)}, once."


def _estimate_seconds(
    survey: ImageSurvey, machine: Machine, backbone: Backbone, size: int
) -> float:
    """Return how long the features of all images take, in float32."""
    passes = VIEWS * survey.training_images + survey.other_images
    rate = backbone.rate * (10 if machine.has_gpu else 1) * machine.processors
    return passes * backbone.gigaflops * (size / 224) ** 2 / rate


def _make_top(survey: ImageSurvey, backbone: Backbone, size: int) -> tuple[dict[str, Any], str]:
    answer: dict[str, Any] = {
        "layer_type": "Dense",
        "initializing_parameters": {"units": CLASSES, "activation": "softmax"},
    }
    end = f"`{CLASSES}` stands for their number, {survey.classes}."
    if backbone.layer is None:
        averaged = {"average": {"layer_type": "GlobalAveragePooling2D"}, "classes": answer}
        return averaged, (
            "Photographs are told apart by what is in them, not where: the maps are averaged, and "
            f"a linear classifier reads the means. {end}"
        )
    side, factor = size // backbone.stride, 1
    while math.ceil(side / factor) ** 2 * backbone.channels > MOST_FEATURES:
        factor += 1
    top: dict[str, Any] = {}
    if factor > 1:
        top["grid"] = {
            "layer_type": "AveragePooling2D",
            "initializing_parameters": {"pool_size": factor, "padding": "same"},
        }
    top["flatten"] = {"layer_type": "Flatten"}
    first = next(iter(top.values()))
    first["input_layer"] = backbone.layer
    top["classes"] = answer
    grid = math.ceil(side / factor)
    features = grid**2 * backbone.channels
    place = "Where a stroke is matters" if survey.is_flat else "Of VGG16 a rough place helps"
    return top, (
        f"{backbone.layer}, not the last layer, which knows ImageNet's classes best and others "
        f"less. {place}: maps of {grid}x{grid} are read, {features:,} numbers, not their means. "
        f"`python run.py probe` with this file measures it. {end}"
    )
