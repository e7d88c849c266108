"""Backbones with their preprocessing inside: of Keras Applications, a file, KerasHub, or none."""

import warnings
from collections.abc import Mapping
from functools import partial
from typing import Any

import keras
from keras.src.utils.naming import reset_uids

from framework.config.catalog import NO_BACKBONE
from framework.config.keras_file import is_keras_file
from framework.hub.network import build_network
from framework.hub.presets import find_preset, is_hub
from framework.models.keras_backbone import build_keras_backbone
from framework.models.preprocessing import Mode, find_preprocessing, preprocess

# Keras chooses among their ImageNet weights, trained at several sizes, by `input_shape`.
SIZED_WEIGHTS = ("MobileNet", "MobileNetV2")


def build_backbone(
    model_name: str,
    shape: tuple[int, int, int],
    weights: str | None = None,
    arguments: Mapping[str, Any] | None = None,
    preprocessing: Mode = None,
) -> keras.Model:
    """Build a backbone; a Keras Application without its ImageNet top.

    Args:
        model_name: A Keras Application, such as `"VGG16"`, the path of a `.keras` file, a preset
            such as `"hub:dinov2_small"`, or `"none"`.
        shape: `(rows, columns, channels)` of the images.
        weights: `"imagenet"`, the file or preset again for its own, or `None` for random weights.
        arguments: More arguments of the application or preset, such as `{"alpha": 0.5}`.
        preprocessing: That of a file, or of a preset without an image converter.

    Returns:
        A model from images `(n, rows, columns, channels)` float32 in [0, 255] to
        feature maps, flat: input, preprocessing, the backbone's layers. For `"none"` its
        output is the image.
    """
    if is_keras_file(model_name):
        return build_keras_backbone(model_name, shape, preprocessing, weights is not None)
    if is_hub(model_name):
        return build_network(
            find_preset(model_name),
            shape,
            weights is not None,
            prepare=partial(preprocess, mode=preprocessing) if preprocessing else None,
            **(arguments or {}),
        )
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
