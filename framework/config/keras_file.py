"""What a config needs to know of a network in a `.keras` file; it needs no Keras."""

import json
import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ENDING = ".keras"
GRAPHS = ("Functional", "Sequential", "Model")
"""Classes of models that are graphs of layers."""

RUN_MEMBER = "class_names.json"
"""What a run writes into the file of its classifier, with the names of the backbone's layers."""

PREPARING = (
    "Rescaling", "Normalization", "GetItem", "Take", "Add", "Subtract", "Multiply", "Divide",
    "TrueDivide",
)  # fmt: skip
"""What prepares images where it comes first: layers, and the arithmetic of `preprocess_input`."""

PASSING = ("Random", "Resizing", "CenterCrop", "ZeroPadding2D")
"""Beginnings of layers that leave the range of images as it is."""


@dataclass(frozen=True)
class KerasFile:
    """A network in a `.keras` file.

    Args:
        layers: Its layers from the input up, name -> class; those of flattened models in place
            of the models, inputs and layers that are called several times left out.
        image_shape: `(rows, columns, channels)` of its input; `None` for a side of any length.
        flattened: Names of nested models whose layers can be read by name.
        kept: Nested models that stay single layers: name -> why.
        scales: Whether it prepares images itself, which it takes in [0, 255].
        end: The layer whose output is that of the backbone; `None`: the last one.
        names: Of the model and those nested in it.
    """

    layers: Mapping[str, str]
    image_shape: tuple[int | None, int | None, int | None]
    flattened: frozenset[str]
    kept: Mapping[str, str]
    scales: bool
    end: str | None
    names: tuple[str, ...]


class KerasFileError(ValueError):
    """A `.keras` file that can't be a backbone; the message says why."""


def is_keras_file(model_name: object) -> bool:
    """Return whether a `model_name` is the path of a `.keras` file."""
    return isinstance(model_name, str) and model_name.endswith(ENDING)


def read_keras_file(model_name: str) -> KerasFile:
    """Read what a `.keras` file says of its network.

    Args:
        model_name: Its path.

    Raises:
        KerasFileError: It is missing or damaged, or the network can't be a backbone.
    """
    path = Path(model_name).expanduser()
    try:
        return _read(path, path.stat().st_mtime_ns)
    except OSError as error:
        raise KerasFileError(f"there is no file {path}") from error


@cache
def _read(path: Path, changed: int) -> KerasFile:
    """Read a file; once for each time that it was `changed`."""
    try:
        with zipfile.ZipFile(path) as archive:
            root = json.loads(archive.read("config.json"))
            is_run = RUN_MEMBER in archive.namelist()
            run = json.loads(archive.read(RUN_MEMBER)) if is_run else {}
        if root["class_name"] not in GRAPHS or "layers" not in root["config"]:
            raise KerasFileError(
                f"{path} holds a {root['class_name']}, whose layers only its own code can join: "
                "expected a functional or sequential model"
            )
        return _describe(root["config"], path, run)
    except KerasFileError:
        raise
    # What is in the file may be of any form.
    except (
        OSError, LookupError, TypeError, AttributeError, ValueError, zipfile.BadZipFile,
    ) as error:  # fmt: skip
        raise KerasFileError(
            f"{path} can't be read as a Keras model; it may be truncated or damaged"
        ) from error


def _describe(config: Mapping[str, Any], path: Path, run: Mapping[str, Any]) -> KerasFile:
    inputs = [layer for layer in config["layers"] if layer["class_name"] == "InputLayer"]
    outputs = _count(config.get("output_layers", [[]]))
    if len(inputs) != 1 or outputs != 1:
        raise KerasFileError(
            f"{path} has {len(inputs)} inputs and {outputs} outputs: expected one image and one "
            "output"
        )
    shape = tuple(inputs[0]["config"].get("batch_shape", ())[1:])
    if len(shape) != 3:
        raise KerasFileError(
            f"{path} takes arrays of shape {shape}: expected images, (rows, columns, channels)"
        )
    kept = dict(_find_kept(config))
    nested = {layer["config"]["name"] for layer in _list_nested(config)}
    flattened = frozenset(nested - kept.keys())
    layers = dict(_list_layers(config, flattened))
    if own := run.get("backbone_layers"):  # Of a run its backbone is read, not its top.
        layers = {name: kind for name, kind in layers.items() if name in own}
    first = next((kind for kind in layers.values() if not kind.startswith(PASSING)), "")
    return KerasFile(
        layers=layers,
        image_shape=(shape[0], shape[1], shape[2]),
        flattened=flattened,
        kept=kept,
        scales=bool(run) or first in PREPARING,
        end=own[-1] if own else None,
        names=(str(config.get("name")), *flattened),
    )


def _count(ends: Any) -> int:
    """Return how many tensors a functional model's inputs or outputs are."""
    if isinstance(ends, Mapping):
        return len(ends)
    return len(ends) if ends and isinstance(ends[0], list) else 1


def _is_graph(layer: Mapping[str, Any]) -> bool:
    return layer["class_name"] in GRAPHS and "layers" in layer["config"]


def _list_nested(config: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the models nested in a model, those in them, too."""
    for layer in config["layers"]:
        if _is_graph(layer):
            yield layer
            yield from _list_nested(layer["config"])


def _find_kept(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the nested models that can't be flattened, and why."""
    counts = Counter(name for name, _ in _list_layers(config, None))
    for layer in _list_nested(config):
        name, inner = layer["config"]["name"], layer["config"]
        shared = [each for each, _ in _list_layers(inner, None) if counts[each] > 1]
        if shared:
            yield name, f"another layer is called {shared[0]}, too"
        elif len(layer.get("inbound_nodes", [0])) > 1:
            yield name, "it is used several times"
        elif any(_count(inner.get(ends, [[]])) != 1 for ends in ("input_layers", "output_layers")):
            yield name, "it has several inputs or outputs"


def _list_layers(
    config: Mapping[str, Any], flattened: frozenset[str] | None
) -> Iterator[tuple[str, str]]:
    """Yield name and class of each layer; `flattened`: of which models, `None` for all."""
    for layer in config["layers"]:
        name, kind = layer["config"].get("name", layer.get("name")), layer["class_name"]
        if _is_graph(layer) and (flattened is None or name in flattened):
            yield from _list_layers(layer["config"], flattened)
        elif kind != "InputLayer" and len(layer.get("inbound_nodes", [0])) == 1:
            yield name, kind


def find_application(names: tuple[str, ...], applications: tuple[str, ...]) -> str | None:
    """Return the Keras Application that one of the models is, by its name such as `vgg16`.

    Args:
        names: Of a model and those nested in it.
        applications: The names of all applications.
    """

    def simplify(name: str) -> str:
        return re.sub(r"[^a-z0-9]", "", name.lower())

    by_length = sorted(applications, key=len, reverse=True)
    for name in names:
        for application in by_length:
            if simplify(name).startswith(simplify(application)):
                return application
    return None
