"""A network in a `.keras` file as backbone: joined again, flat, behind an input of our own."""

import json
import logging
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras

from framework.config.catalog import list_names
from framework.config.keras_file import KerasFile, find_application, read_keras_file
from framework.errors import RunError, first_sentence
from framework.models.preprocessing import Mode, find_preprocessing, preprocess

logger = logging.getLogger(__name__)

PREPROCESSING_LAYER = "declared_preprocessing"


def build_keras_backbone(
    model_name: str, shape: tuple[int, int, int], mode: Mode = None, with_weights: bool = True
) -> keras.Model:
    """Build the network of a `.keras` file on an image, with copies of its layers.

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
    copies: dict[keras.Layer, keras.Layer] = {}
    try:
        prepared = preprocess(image, mode, PREPROCESSING_LAYER)
        output = _copy_onto(original, prepared, described, copies)
    except (ValueError, TypeError) as error:
        raise RunError(
            f"{path} can't be built for images of shape {shape}: {first_sentence(error)}"
        ) from error
    if with_weights:
        for layer, copied in copies.items():
            copied.set_weights(layer.get_weights())
    return keras.Model(image, output, name=path.stem)


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
            return keras.models.load_model(path, compile=False, safe_mode=True)
        with zipfile.ZipFile(path) as archive:
            config: Mapping[str, Any] = json.loads(archive.read("config.json"))
        return keras.saving.deserialize_keras_object(config, safe_mode=True)
    except (ValueError, TypeError, KeyError, OSError, zipfile.BadZipFile) as error:
        raise RunError(f"{path} can't be read as a Keras model: {first_sentence(error)}") from error


def _copy_onto(
    model: keras.Model,
    tensor: keras.KerasTensor,
    described: KerasFile,
    copies: dict[keras.Layer, keras.Layer],
) -> keras.KerasTensor:
    """Join copies of a model's layers on a tensor; the layers of flattened models one by one."""

    def find(operation: keras.Operation) -> Any:
        if isinstance(operation, keras.Model) and operation.name in described.flattened:
            return lambda inputs, **_: _copy_onto(operation, inputs, described, copies)
        if not isinstance(operation, keras.Layer):
            return type(operation).from_config(operation.get_config())
        if operation not in copies:
            copies[operation] = type(operation).from_config(operation.get_config())
        return copies[operation]

    graph = model._functional if isinstance(model, keras.Sequential) else model
    return keras.tree.flatten(graph._run_through_graph(tensor, operation_fn=find, call_fn=_call))[0]


def _call(operation: Any, *arguments: Any, **options: Any) -> Any:
    return operation(*arguments, **options)
