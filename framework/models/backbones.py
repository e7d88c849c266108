"""Backbones: Keras Applications with their preprocessing inside, or none."""

import re
import warnings
from collections.abc import Mapping
from typing import Any

import keras
from keras.src.utils.naming import reset_uids

from framework.config.catalog import NO_BACKBONE

# What `preprocess_input` does in families of models, as `imagenet_utils` names it; the others
# (EfficientNet, EfficientNetV2, ConvNeXt, MobileNetV3) scale [0, 255] themselves.
# Source: keras.applications; the tests compare each.
PREPROCESSING = {
    r"ResNet\d+V2|Inception|Xception|MobileNet(?!V3)|NASNet": "tf",
    r"VGG|ResNet": "caffe",
    r"DenseNet": "torch",
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
    modes = (mode for names, mode in PREPROCESSING.items() if re.match(names, model_name))
    return next(modes, None)


def preprocess(image: keras.KerasTensor, mode: str | None) -> keras.KerasTensor:
    """Add a backbone's preprocessing to the graph.

    The same arithmetic as `preprocess_input`, in layers that every export format supports.

    Args:
        image: `(n, rows, columns, channels)` float32, RGB or gray, in [0, 255].
        mode: As returned by `find_preprocessing`.

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
        # [-1, 1]; ImageNet's means of each color do not apply to gray images.
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
        feature maps, flat: input, preprocessing, the backbone's layers. For `"none"` its
        output is the image.
    """
    image = keras.Input(shape, name="image")
    if model_name == NO_BACKBONE:
        return keras.Model(image, image, name=NO_BACKBONE)
    application = getattr(keras.applications, model_name)
    reset_uids()  # So that unnamed layers get the numbers by which configs name them.
    more = dict(arguments or {})
    if model_name in SIZED_WEIGHTS:
        more["input_shape"] = shape
    with warnings.catch_warnings():
        # For sizes without weights of their own, those for 224x224 fit as well.
        warnings.filterwarnings("ignore", "`input_shape` is undefined or non-square")
        return application(
            include_top=False,
            weights=weights,
            input_tensor=preprocess(image, find_preprocessing(model_name)),
            **more,
        )
