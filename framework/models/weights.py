"""Pretrained weights of a backbone: ImageNet's through Keras, or those in a file."""

import logging
from pathlib import Path

import h5py
import keras
import numpy as np

from framework.config.catalog import IMAGENET, NO_BACKBONE
from framework.config.keras_file import is_keras_file
from framework.config.model import ModelConfiguration
from framework.errors import RunError, first_sentence
from framework.hub.presets import PresetUnavailableError, find_preset, is_hub
from framework.models.backbones import build_backbone
from framework.models.classifier import load_classifier_file
from framework.models.keras_backbone import announce_file
from framework.utils.fallbacks import Fallback
from framework.utils.network import DownloadError, fetch

logger = logging.getLogger(__name__)


class WeightsUnavailableError(RunError):
    """A weights file is missing and can't be downloaded; `if_unavailable` may help."""


def load_pretrained_backbone(
    model: ModelConfiguration, shape: tuple[int, int, int]
) -> tuple[keras.Model, Fallback | None]:
    """Build a backbone with the weights that the config names, or with their fallback.

    Args:
        model: Names the backbone and its weights: `"imagenet"`, the path of a weights file
            or of a run's `model.keras`, a backbone's own file or preset, or `None` for random
            weights.
        shape: `(rows, columns, channels)` of the images.

    Raises:
        WeightsUnavailableError: The weights are missing and can't be downloaded.
        RunError: The file is damaged, or holds the weights of another network.
    """
    if model.model_name == NO_BACKBONE:
        return build_backbone(NO_BACKBONE, shape), None
    weights = model.weights
    if is_keras_file(model.model_name):
        announce_file(model.model_name, model.preprocessing)
    elif is_hub(model.model_name) and weights.name == model.model_name:
        preset = find_preset(model.model_name)
        if preset.family and not preset.is_folder:
            logger.info("Loading %s (licence: %s)", model.model_name, preset.terms[0])
    try:
        if weights.name == IMAGENET:
            return _load_imagenet_backbone(model, shape), None
        own = weights.name if weights.name == model.model_name else None
        backbone = _build(model, shape, own)
        if weights.name is not None and own is None:
            path = Path(weights.name).expanduser()
            if not path.is_file():
                raise WeightsUnavailableError(
                    f"model_configuration.weights: there is no file {path}, nor a finished run "
                    "there."
                )
            load = load_run_weights if path.suffix == ".keras" else load_weights_file
            load(backbone, path)
        return backbone, None
    except (WeightsUnavailableError, PresetUnavailableError) as error:
        if weights.if_unavailable is None:
            raise
        reason = str(error).splitlines()[0]
        fallback = Fallback("weights", str(weights.name), weights.if_unavailable, reason)
    fallback.announce()
    return _build(model, shape), fallback


def _build(
    model: ModelConfiguration, shape: tuple[int, int, int], weights: str | None = None
) -> keras.Model:
    arguments = model.model_arguments, model.preprocessing
    return build_backbone(model.model_name, shape, weights, *arguments)


def _load_imagenet_backbone(model: ModelConfiguration, shape: tuple[int, int, int]) -> keras.Model:
    """Build a backbone with its ImageNet weights, which Keras downloads once."""
    name = model.model_name
    logger.info("Loading ImageNet weights of %s through Keras (downloaded once)", name)
    try:
        return fetch(build_backbone, name, shape, IMAGENET, model.model_arguments)
    except DownloadError as error:
        raise WeightsUnavailableError(
            f"The ImageNet weights of {name} can't be downloaded: {error}\n"
            "Remove a damaged copy from the folder models of Keras's cache, if there is one; or "
            "place them by hand: set model_configuration.weights to the path of the weights "
            "file without top, or set model_configuration.weights.if_unavailable to 'random'."
        ) from error


def load_weights_file(backbone: keras.Model, path: Path) -> None:
    """Load a weights file, in Keras's current HDF5 layout or in that of published files.

    Args:
        backbone: The model to load into, in place.
        path: A `.weights.h5` or `.h5` file of the same network without its top.

    Raises:
        RunError: It is damaged, or holds the weights of another network.
    """
    found, expected = _count_numbers(path), backbone.count_params()
    if found != expected:
        raise RunError(
            f"{path} holds the weights of another network: {found:,} numbers, where "
            f"{backbone.name} without its top has {expected:,}."
        )
    try:
        backbone.load_weights(path)
    except (ValueError, KeyError, OSError) as error:
        raise RunError(
            f"{path} holds the weights of another network than {backbone.name}: "
            f"{first_sentence(error)}"
        ) from error
    if not all(np.isfinite(weight).all() for weight in backbone.get_weights()):
        raise RunError(f"{path} holds numbers that are not finite: it is damaged.")


def load_run_weights(backbone: keras.Model, path: Path) -> None:
    """Load the backbone of a classifier that an earlier run has trained.

    If that run's top read only lower layers, only those are loaded.

    Args:
        backbone: The model to load into, in place.
        path: The `model.keras` of a run with the same backbone, for images of any size.

    Raises:
        RunError: It is damaged, or has another backbone.
    """
    # Matched by order: Keras numbers unnamed layers throughout a process.
    trained = [
        layer for layer in load_classifier_file(path).list_backbone_layers() if layer.weights
    ]
    layers = [layer for layer in backbone.layers if layer.weights]
    described = [_describe_layer(layer) for layer in layers]
    if not trained or [_describe_layer(layer) for layer in trained] != described[: len(trained)]:
        raise RunError(f"{path} has another backbone than {backbone.name} with these arguments.")
    for layer, source in zip(layers, trained, strict=False):
        layer.set_weights(source.get_weights())
    if len(trained) < len(layers):
        logger.warning(
            "! %s has the backbone up to %s; the layers above it have random weights.",
            path,
            layers[len(trained) - 1].name,
        )


def _describe_layer(layer: keras.Layer) -> tuple[str, list[tuple[int, ...]]]:
    return type(layer).__name__, [tuple(weight.shape) for weight in layer.weights]


def _count_numbers(path: Path) -> int:
    """Return how many numbers the weights in an HDF5 file have."""
    sizes: list[int] = []

    def count(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset) and not name.startswith(("optimizer", "seed")):
            sizes.append(item.size)

    try:
        with h5py.File(path, "r") as file:
            file.visititems(count)
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        raise RunError(
            f"{path} can't be read as an HDF5 weights file: {first_sentence(error)} "
            "It may be truncated or damaged."
        ) from error
    return sum(sizes)
