"""`.keras` files that may have layers of KerasHub."""

import inspect
import json
import zipfile
from operator import attrgetter
from pathlib import Path
from typing import Any

import keras

from framework.hub.importing import import_keras_hub

ATTRIBUTES = {
    "drop_prob": "drop_prop",
    "sr_ratio": "attn.sr_ratio",
    "layer_norm_epsilon": "norm1.epsilon",
}
"""Arguments of layers -> the attributes that hold them, where these are called otherwise."""


def load_model(path: Path) -> keras.Model:
    """Load a `.keras` file, without running code from it; its model can be saved again.

    Raises:
        RunError: It has layers of KerasHub, which is not installed.
    """
    with zipfile.ZipFile(path) as archive:
        config = archive.read("config.json")
    if b'"keras_hub.' not in config:
        return keras.models.load_model(path, compile=False, safe_mode=True)
    import_keras_hub()
    model = keras.models.load_model(path, compile=False, safe_mode=True)
    if isinstance(model, keras.Sequential):
        return model  # Of a user, not of a run.
    described = json.loads(config)["config"]["layers"]
    for operation, saved in zip(model.operations, described, strict=True):
        # A block of MobileNet adds to its name each time that it is loaded.
        operation.name = saved["name"]
        if isinstance(operation, keras.Layer):
            correct_config(operation)
    return model


def correct_config(layer: keras.Layer) -> None:
    """Have layers of a class of KerasHub describe themselves by arguments that it takes.

    In KerasHub 0.32 several classes don't, as only whole backbones are saved there.

    Args:
        layer: One of the class.

    Raises:
        ValueError: An argument is kept nowhere.
    """
    kind = type(layer)
    if not kind.__module__.startswith("keras_hub.") or kind.get_config is _describe:
        return
    taken = {*keras.layers.Layer.get_config(layer), *_list_arguments(layer)}
    try:
        if taken.issuperset(layer.get_config()):
            return
    except AttributeError:
        pass
    _describe(layer)
    kind.get_config = _describe


def _describe(layer: keras.Layer) -> dict[str, Any]:
    """Return a layer's config: what every layer has, and the arguments of its class."""
    arguments = {name: _read_argument(layer, name) for name in _list_arguments(layer)}
    return {**keras.layers.Layer.get_config(layer), **arguments}


def _list_arguments(layer: keras.Layer) -> set[str]:
    return set(inspect.signature(type(layer).__init__).parameters) - {"self", "kwargs"}


def _read_argument(layer: keras.Layer, name: str) -> Any:
    """Return an argument that a layer was made with."""
    if hasattr(layer, name):
        return getattr(layer, name)
    try:
        return attrgetter(ATTRIBUTES[name])(layer)
    except (KeyError, AttributeError) as error:
        kind = type(layer).__name__
        raise ValueError(f"KerasHub's {kind} can't be saved: its {name} is lost.") from error
