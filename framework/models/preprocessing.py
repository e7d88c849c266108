"""The preprocessing of a backbone, as layers of the network."""

import re
from collections.abc import Mapping
from typing import Any

import keras

Mode = str | Mapping[str, Any] | None
"""`"caffe"`, `"tf"`, `"torch"`, `"none"` or `None`; or `scale` and `offset`, numbers or lists."""

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


def find_preprocessing(model_name: str) -> str | None:
    """Return the preprocessing of a backbone: `"caffe"`, `"tf"`, `"torch"` or `None`."""
    modes = (mode for names, mode in PREPROCESSING.items() if re.match(names, model_name))
    return next(modes, None)


def preprocess(
    image: keras.KerasTensor, mode: Mode, name: str = "preprocessing"
) -> keras.KerasTensor:
    """Add a backbone's preprocessing to the graph.

    The same arithmetic as `preprocess_input`, in layers that every export format supports.

    Args:
        image: `(n, rows, columns, channels)` float32, RGB or gray, in [0, 255].
        mode: See `Mode`.
        name: Of the layer.

    Returns:
        `(n, rows, columns, channels)` float32 in the range the backbone was trained on.
    """
    if isinstance(mode, Mapping):
        offset = mode.get("offset", 0.0)
        return keras.layers.Rescaling(mode["scale"], offset=offset, name=name)(image)
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
    if mode not in (None, "none"):
        # [-1, 1]; ImageNet's means of each color do not apply to gray images.
        return keras.layers.Rescaling(1 / 127.5, offset=-1.0, name=name)(image)
    return image
