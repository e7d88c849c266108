"""The factory of backbones: Keras Applications with preprocessing inside, or none."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import keras
from keras.src.utils.naming import reset_uids

from framework.config.catalog import NO_BACKBONE

# What each family's `preprocess_input` does, as `imagenet_utils` names it. Families that
# are not listed (EfficientNet, EfficientNetV2, ConvNeXt, MobileNetV3) scale [0, 255]
# themselves. Source: keras.applications, proved equal by the tests.
PREPROCESSING: Mapping[str, str] = {
    "VGG": "caffe",
    "ResNet": "caffe",
    "ResNetV2": "tf",
    "Inception": "tf",
    "Xception": "tf",
    "MobileNet": "tf",
    "NASNet": "tf",
    "DenseNet": "torch",
}

# Mean of ImageNet's training images, blue, green, red, in [0, 255].
# Source: keras.applications.imagenet_utils, after Simonyan and Zisserman (2014).
IMAGENET_MEAN_BGR = (103.939, 116.779, 123.68)

# Mean and standard deviation of ImageNet's training images, red, green, blue, in [0, 1].
# Source: keras.applications.imagenet_utils, after torchvision.
IMAGENET_MEAN_RGB = (0.485, 0.456, 0.406)
IMAGENET_STD_RGB = (0.229, 0.224, 0.225)

# Keras chooses among their ImageNet weights, trained at several sizes, by `input_shape`.
SIZED_WEIGHTS = ("MobileNet", "MobileNetV2")


def find_preprocessing(model_name: str) -> str | None:
    """Return the preprocessing of a backbone: `"caffe"`, `"tf"`, `"torch"` or `None`."""
    if model_name.startswith("ResNet") and model_name.endswith("V2"):
        return PREPROCESSING["ResNetV2"]
    if model_name.startswith("MobileNetV3"):
        return None
    for family, mode in PREPROCESSING.items():
        if model_name.startswith(family):
            return mode
    return None


def preprocess(image: keras.KerasTensor, mode: str | None) -> keras.KerasTensor:
    """Lay a backbone's preprocessing into the graph.

    The same arithmetic as `preprocess_input`, made of layers that every export
    format understands.

    Args:
        image: `(n, rows, columns, channels)` float32, RGB or gray, in [0, 255].
        mode: As `find_preprocessing` tells.

    Returns:
        `(n, rows, columns, channels)` float32 in the range the backbone was trained on.
    """
    name = "preprocessing"
    color = image.shape[-1] == 3
    if mode == "caffe" and color:
        blue_green_red = keras.ops.take(image, [2, 1, 0], axis=-1)
        offset = [-mean for mean in IMAGENET_MEAN_BGR]
        return keras.layers.Rescaling(1.0, offset=offset, name=name)(blue_green_red)
    if mode == "torch" and color:
        scale = [1 / (255 * std) for std in IMAGENET_STD_RGB]
        offset = [
            -mean / std for mean, std in zip(IMAGENET_MEAN_RGB, IMAGENET_STD_RGB, strict=True)
        ]
        return keras.layers.Rescaling(scale, offset=offset, name=name)(image)
    if mode is not None:
        # [-1, 1]; ImageNet's color means are of no use to images that are not RGB.
        return keras.layers.Rescaling(1 / 127.5, offset=-1.0, name=name)(image)
    return image


def build_backbone(
    model_name: str,
    shape: tuple[int, int, int],
    weights: str | None = None,
    arguments: Mapping[str, Any] | None = None,
) -> keras.Model:
    """Build a backbone without its ImageNet top.

    Args:
        model_name: A Keras Application, such as `"VGG16"`, or `"none"`.
        shape: `(rows, columns, channels)` of the images.
        weights: `"imagenet"`, or `None` for random weights.
        arguments: More arguments of the application, such as `{"alpha": 0.5}`.

    Returns:
        A model from images `(n, rows, columns, channels)` float32 in [0, 255] to
        feature maps. Its graph is flat: input, preprocessing, the backbone's layers.
        For `"none"` its output is the image.
    """
    image = keras.Input(shape, name="image")
    if model_name == NO_BACKBONE:
        return keras.Model(image, image, name=NO_BACKBONE)
    application = getattr(keras.applications, model_name)
    reset_uids()  # Layers without a name are numbered: the same each time, as configs name them.
    more = dict(arguments or {})
    if model_name in SIZED_WEIGHTS:
        more["input_shape"] = shape
    with warnings.catch_warnings():
        # Of sizes without weights of their own: those for 224x224 fit as well.
        warnings.filterwarnings("ignore", "`input_shape` is undefined or non-square")
        return application(
            include_top=False,
            weights=weights,
            input_tensor=preprocess(image, find_preprocessing(model_name)),
            **more,
        )
