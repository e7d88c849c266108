"""A network in a `.keras` file as backbone: joined again, flat, behind an input of our own."""

import json
import logging
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras

from framework.config.catalog import list_names
from framework.config.keras_file import KerasFile, find_application, read_keras_file
from framework.errors import RunError, first_sentence
from framework.hub.saved_models import load_model
from framework.models.preprocessing import Mode, find_preprocessing, preprocess
from framework.utils.graphs import rejoin_layers

logger = logging.getLogger(__name__)

PREPROCESSING_LAYER = "declared_preprocessing"


def build_keras_backbone(
    model_name: str, shape: tuple[int, int, int], mode: Mode = None, with_weights: bool = True
) -> keras.Model:
    """Build the network of a `.keras` file on an image.

    Nested models are flattened where their layers' names are unique; others stay single layers.

    Args:
        model_name: The path of the file.
        shape: `(rows, columns, channels)` of the images.
        mode: How its images are prepared; `None`: as `choose_preprocessing` guesses.
        with_weights: Whether the layers get the file's weights, rather than random ones.

    Returns:
        A flat model from images `(n, rows, columns, channels)` float32 in [0, 255].

    Raises:
        KerasFileError: The file can't be a backbone.
        RunError: It is damaged, has layers that Keras does not know, or does not take such images.
    """
    described = read_keras_file(model_name)
    path = Path(model_name).expanduser()
    original = _load(path, with_weights)
    if described.end is not None:
        original = keras.Model(original.inputs[0], original.get_layer(described.end).output)
    image = keras.Input(shape, name="image")
    mode = choose_preprocessing(described) if mode is None else mode

    def open_model(layer: keras.Layer) -> Callable[..., Any] | None:
        if layer.name not in described.flattened:
            return None
        return lambda inputs, **_: rejoin_layers(layer, inputs, open_model)

    try:
        prepared = preprocess(image, mode, PREPROCESSING_LAYER)
        outputs = rejoin_layers(original, prepared, open_model)
    except (ValueError, TypeError) as error:
        raise RunError(
            f"{path} can't be built for images of shape {shape}: {first_sentence(error)}"
        ) from error
    return keras.Model(image, keras.tree.flatten(outputs)[0], name=path.stem)


def choose_preprocessing(described: KerasFile) -> str:
    """Return how a network's images are prepared, where the config does not say it.

    A network that prepares images itself takes them as they are; for others it is guessed
    from the names of its models, which are those of Keras Applications as long as nobody
    changes them.
    """
    if described.scales:
        return "none"
    application = find_application(described.names, list_names("backbones"))
    return (find_preprocessing(application) if application else None) or "none"


def announce_file(model_name: str, mode: Mode) -> None:
    """Say which nested models are flattened or kept, and warn of a preprocessing that is guessed.

    Args:
        model_name: The path of the file.
        mode: What the config says.
    """
    described, name = read_keras_file(model_name), Path(model_name).name
    for nested in sorted(described.flattened):
        logger.info("%s: the layers of %s, a model in it, can be read by name", name, nested)
    for nested, why in described.kept.items():
        logger.info("%s: %s, a model in it, is a single layer: %s", name, nested, why)
    if mode is None and not described.scales:
        logger.warning(
            "! %s: the preprocessing is guessed: %s. If it was trained on other values, set "
            "model_configuration.preprocessing.",
            name,
            choose_preprocessing(described),
        )


def _load(path: Path, with_weights: bool) -> keras.Model:
    try:
        if with_weights:
            return load_model(path)
        with zipfile.ZipFile(path) as archive:
            config: Mapping[str, Any] = json.loads(archive.read("config.json"))
        return keras.saving.deserialize_keras_object(config, safe_mode=True)
    except (ValueError, TypeError, KeyError, OSError, zipfile.BadZipFile) as error:
        raise RunError(f"{path} can't be read as a Keras model: {first_sentence(error)}") from error
