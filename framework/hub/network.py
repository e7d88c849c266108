"""A network of KerasHub, flat: its blocks are layers that a config can name."""

import json
import logging
import math
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
from keras.src.utils.naming import reset_uids

from framework.errors import first_sentence
from framework.hub.downloads import download, explain_error
from framework.hub.importing import import_keras_hub
from framework.hub.opening import make_opener
from framework.hub.presets import (
    CONFIG_FILE,
    CONVERTER_FILE,
    Preset,
    PresetError,
    find_family,
    make_title,
)
from framework.utils.graphs import rejoin_layers

logger = logging.getLogger(__name__)

IMAGE_PARTS = ("vision_encoder", "image_encoder")
"""What networks of images and of text or points call the part for images."""

LEADING_TOKENS = {"DeiTBackbone": 2, "CLIPVisionEncoder": 1, "MetaCLIP2VisionEncoder": 1}
"""How many tokens come before those of the patches: the class token, and DeiT's second one."""


def build_network(
    preset: Preset,
    shape: tuple[int, int, int],
    with_weights: bool,
    pooling: str | None = None,
    image_size: int | None = None,
    prepare: Callable[[keras.KerasTensor], keras.KerasTensor] | None = None,
) -> keras.Model:
    """Build a preset's image network on images of any size, resized and scaled as it wants them.

    Args:
        preset: From `find_preset`.
        shape: `(rows, columns, channels)` of the images.
        with_weights: Whether it gets the preset's weights, rather than random ones.
        pooling: How its output is read, see `add_pooling`; `None`: as it is.
        image_size: Rows and columns that it works on; by default the preset's.
        prepare: Scales the images where the preset has no image converter; `None`: they are not
            scaled, which is warned of.

    Returns:
        A flat model from images `(n, rows, columns, channels)` float32 in [0, 255].

    Raises:
        PresetError: It can't be downloaded, is damaged, or its network does not fit.
    """
    keras_hub = import_keras_hub()
    reset_uids()  # So that unnamed layers get the numbers by which configs name them.
    with _explain_errors(preset, image_size), _find_source(preset, with_weights) as source:
        network = _load_network(keras_hub, preset, source, with_weights, image_size)
        converter = _load_converter(keras_hub, source)

    def shorten(name: str) -> str:
        return name.removeprefix(f"{network.name}_")

    image = keras.Input(shape, name="image")
    own_size = converter.image_size if converter else None
    size = _find_size(network) or (image_size and (image_size, image_size)) or own_size
    tensor = _resize(image, size or shape[:2], converter)
    if converter is not None:
        tensor = _scale(tensor, converter)
    elif prepare is not None:
        tensor = prepare(tensor)
    elif with_weights:
        logger.warning(
            "! %s has no image converter: its network gets images in [0, 255]. If it was trained "
            "on other values, set model_configuration.preprocessing.",
            make_title(preset.name),
        )
    with _explain_errors(preset, image_size):
        outputs = rejoin_layers(network, tensor, make_opener(network, shorten), shorten)
    # Networks of several maps, by name, list them from the image up.
    output = list(outputs.values())[-1] if isinstance(outputs, dict) else outputs
    if isinstance(output._keras_history.operation.output, list):  # It would have no name.
        output = keras.layers.Identity(name="output")(output)
    if pooling is not None:
        output = add_pooling(keras.Model(image, output), pooling, _count_leading_tokens(network))
    return keras.Model(image, output, name=Path(preset.source).name)


@contextmanager
def _find_source(preset: Preset, with_weights: bool) -> Iterator[str]:
    """Yield what KerasHub loads: a handle, or a folder, which may hold no weights."""
    if preset.is_folder:
        yield preset.source
        return
    if with_weights or preset.config is None:
        yield download(preset.source, with_weights)
        return
    with tempfile.TemporaryDirectory() as folder:
        for name, content in ((CONFIG_FILE, preset.config), (CONVERTER_FILE, preset.converter)):
            Path(folder, name).write_text(json.dumps(content), "utf-8")
        yield folder


@contextmanager
def _explain_errors(preset: Preset, image_size: int | None) -> Iterator[None]:
    try:
        yield
    except PresetError:
        raise
    except Exception as error:  # Keras, HDF5, Kaggle and Hugging Face have errors of their own.
        explained = explain_error(preset, error)
        if image_size is not None and type(error) is ValueError and type(explained) is PresetError:
            explained = PresetError(
                f"{make_title(preset.name)} can't be built for the image_size {image_size}: "
                f"{first_sentence(error)}"
            )
        raise explained from error


def _load_network(
    keras_hub: Any, preset: Preset, source: str, with_weights: bool, image_size: int | None
) -> keras.Model:
    options: dict[str, Any] = {"dtype": keras.config.dtype_policy()}
    if image_size is not None:
        options["image_shape"] = (image_size, image_size, 3)
    network = keras_hub.models.Backbone.from_preset(source, load_weights=with_weights, **options)
    find_family(type(network).__name__, preset.name)
    for part in IMAGE_PARTS:
        network = getattr(network, part, network)
    if len(network.inputs) != 1 or len(network.inputs[0].shape) != 4:
        raise PresetError(
            f"hub:{preset.name} takes {len(network.inputs)} inputs: expected one image."
        )
    return network


def _load_converter(keras_hub: Any, source: str) -> Any:
    """Load what prepares a preset's images; `None` if it has none."""
    if (path := Path(source, CONVERTER_FILE)).is_file():
        return keras.saving.deserialize_keras_object(json.loads(path.read_text("utf-8")))
    try:
        return keras_hub.layers.ImageConverter.from_preset(source)
    except (FileNotFoundError, ValueError):
        return None


def _find_size(network: keras.Model) -> tuple[int, int] | None:
    rows, columns = network.inputs[0].shape[1:3]
    return (rows, columns) if rows and columns else None


def _resize(image: keras.KerasTensor, size: tuple[int, int], converter: Any) -> keras.KerasTensor:
    """Resize images as an image converter does, if they have another size."""
    rows, columns = image.shape[1:3]
    if (rows, columns) == tuple(size):
        return image
    options = {}
    if converter is not None:
        options = {
            "interpolation": converter.interpolation,
            "crop_to_aspect_ratio": converter.crop_to_aspect_ratio,
            "pad_to_aspect_ratio": converter.pad_to_aspect_ratio,
            # It changes nothing where images grow, and no export format has it.
            "antialias": converter.antialias and (rows > size[0] or columns > size[1]),
        }
    return keras.layers.Resizing(*size, **options, name="resizing")(image)


def _scale(image: keras.KerasTensor, converter: Any) -> keras.KerasTensor:
    if converter.scale is None and converter.offset is None:
        return image
    scale = 1.0 if converter.scale is None else converter.scale
    offset = 0.0 if converter.offset is None else converter.offset
    return keras.layers.Rescaling(scale, offset, name="preprocessing")(image)


def _count_leading_tokens(network: keras.Model) -> int:
    kind = type(network).__name__
    if kind.startswith("DINO"):
        return 1 + int(network.num_register_tokens)
    if kind == "ViTBackbone":
        return int(network.use_class_token)
    return LEADING_TOKENS.get(kind, 0)


def add_pooling(network: keras.Model, pooling: str, leading: int) -> keras.KerasTensor:
    """Read the output of a network of tokens or maps in another way.

    Args:
        network: Its last tokens or maps are read.
        pooling: `"avg"` or `"max"` of the patches or positions, `"class_token"`, or `"map"`: the
            patches where they are in the image.
        leading: How many tokens come before those of the patches.

    Returns:
        `(n, features)`, or for `"map"` `(n, rows, columns, features)`.

    Raises:
        PresetError: The network has no class token, or no tokens.
    """
    tensor = next(
        layer.output
        for layer in reversed(network.layers)
        if isinstance(layer.output, keras.KerasTensor) and len(layer.output.shape) > 2
    )
    if len(tensor.shape) == 4:
        if pooling == "map":
            return tensor
        if pooling == "class_token":
            raise PresetError("pooling: 'class_token': this network has no tokens.")
        kind = "Average" if pooling == "avg" else "Max"
        return getattr(keras.layers, f"Global{kind}Pooling2D")(name=f"{pooling}_pool")(tensor)
    tokens, features = tensor.shape[1:]
    if pooling == "class_token":
        if not leading:
            raise PresetError("pooling: 'class_token': this network has no class token.")
        first = keras.layers.Cropping1D((0, tokens - 1), name="first_token")(tensor)
        return keras.layers.Flatten(name="class_token")(first)
    if leading:
        tensor = keras.layers.Cropping1D((leading, 0), name="patch_tokens")(tensor)
    if pooling == "map":
        side = math.isqrt(tokens - leading)
        return keras.layers.Reshape((side, -1, features), name="patch_map")(tensor)
    kind = "Average" if pooling == "avg" else "Max"
    return getattr(keras.layers, f"Global{kind}Pooling1D")(name=f"{pooling}_pool")(tensor)
