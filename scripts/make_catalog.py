"""Write what a config may name, taken from the installed Keras.

python -m scripts.make_catalog             write catalog.json and backbones/*.txt
python -m scripts.make_catalog --check     exit 1 if catalog.json differs from Keras
python -m scripts.make_catalog --check --backbones VGG16 MobileNet
                                           ... and if these backbones' layers differ
"""

import argparse
import inspect
import json
import os
import re
import sys
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
from keras.src.layers.merging.base_merge import Merge
from keras.src.utils.naming import to_snake_case

from scripts.docstrings import read_argument_notes, summarize
from scripts.keras_argument_types import (
    ARGUMENT_TYPES,
    LAYER_INPUTS,
    MERGING_INPUTS,
    NESTED_BY_RANK,
    SIZED_BY_RANK,
    UNSET_ARGUMENTS,
    WITHOUT_DEFAULT,
)
from scripts.keras_backbones import (
    BACKBONES,
    CONFIG_FOLDER,
    describe_backbone,
    list_applications,
    list_backbone_layers,
)
from scripts.keras_refusals import REFUSED

CATALOG = CONFIG_FOLDER / "catalog.json"

BASE_ARGUMENTS = {
    "dtype": {
        "takes": ARGUMENT_TYPES["dtype"],
        "default": None,
        "about": "The type of the layer's weights and computations, or a mixed-precision policy",
    },
    "trainable": {
        "takes": ARGUMENT_TYPES["trainable"],
        "default": True,
        "about": "Whether the layer's weights are trained",
    },
}

MODULES = {
    "layers": (keras.layers, keras.layers.Layer),
    "callbacks": (keras.callbacks, keras.callbacks.Callback),
    "optimizers": (keras.optimizers, keras.optimizers.Optimizer),
    "schedules": (keras.optimizers.schedules, keras.optimizers.schedules.LearningRateSchedule),
    "losses": (keras.losses, keras.losses.Loss),
    "metrics": (keras.metrics, keras.metrics.Metric),
    "initializers": (keras.initializers, keras.initializers.Initializer),
    "regularizers": (keras.regularizers, keras.regularizers.Regularizer),
    "constraints": (keras.constraints, keras.constraints.Constraint),
}


NAMED_IN_STRINGS = ("losses", "metrics", "initializers", "regularizers", "constraints")
"""Kinds whose objects Keras finds by a name alone, in its own spellings."""


def find_classes(kind: str) -> dict[str, type]:
    """Return every public class of a Keras module, by each of its public names."""
    module, base = MODULES[kind]
    found = {
        name: value
        for name, value in vars(module).items()
        if inspect.isclass(value) and issubclass(value, base)
    }
    if kind not in NAMED_IN_STRINGS:
        return found
    for owner in list(found.values()):
        found[to_snake_case(owner.__name__)] = owner
    return {name: owner for name, owner in found.items() if accepts_name(module.get, name)}


def accepts_name(lookup: Any, name: str) -> bool:
    """Return whether the `get` of a Keras module knows a name."""
    try:
        lookup(name)
    except ValueError:
        return False
    except (KeyError, TypeError):  # Known, but it can't be made without its arguments.
        return True
    return True


def describe_classes(kind: str) -> dict[str, Any]:
    """Return the catalogue of one module: name -> arguments, or the reason of a refusal."""
    classes = find_classes(kind)
    entries: dict[str, Any] = {}
    for name, owner in sorted(classes.items()):
        own_name = min(n for n in classes if classes[n] is owner)
        if classes.get(owner.__name__) is owner:
            own_name = owner.__name__
        if reason := REFUSED.get(kind, {}).get(own_name):
            entries[name] = {"refused": reason}
        elif name != own_name:
            entries[name] = {"alias_of": own_name}
        else:
            entries[name] = describe_class(kind, name, owner)
    for name, reason in REFUSED.get(kind, {}).items():
        entries.setdefault(name, {"refused": reason})
    return dict(sorted(entries.items()))


def describe_class(kind: str, name: str, owner: type) -> dict[str, Any]:
    """Return a class's summary, arguments and, for a layer, how it takes its inputs."""
    entry: dict[str, Any] = {"summary": summarize(owner)}
    if kind == "layers" and (issubclass(owner, Merge) or name in LAYER_INPUTS):
        entry["inputs"] = list(LAYER_INPUTS.get(name, MERGING_INPUTS))
    arguments: dict[str, dict[str, Any]] = {}
    about = read_argument_notes(owner)
    for argument, default in list_arguments(owner):
        if argument in UNSET_ARGUMENTS.get(kind, ()):
            continue
        described = {"takes": find_argument_type(kind, name, argument, default)}
        required = default is inspect.Parameter.empty or f"{name}.{argument}" in WITHOUT_DEFAULT
        if not required:
            described["default"] = to_json(default)
        if argument in about:
            described["about"] = about[argument]
        arguments[argument] = described
    if kind == "layers" and takes_any_keyword(owner):
        for argument, described in BASE_ARGUMENTS.items():
            arguments.setdefault(argument, dict(described))
        if ".preprocessing.image_preprocessing." in f"{owner.__module__}.":
            entry["input_dimensions"] = 4
    if kind == "metrics":
        default = dict(list_arguments(owner)).get("name")
        entry["log_name"] = default or to_snake_case(owner.__name__)
        if better := find_better(owner, arguments):
            entry["better"] = better
    entry["arguments"] = dict(sorted(arguments.items()))
    return entry


def find_better(owner: type, arguments: dict[str, dict[str, Any]]) -> str | None:
    """Return whether higher or lower values of a metric are better, if Keras knows."""
    required = {name: 0.5 for name, described in arguments.items() if "default" not in described}
    direction = getattr(owner(**required), "_direction", None)
    return {"up": "higher", "down": "lower"}.get(direction)


def list_arguments(owner: type) -> list[tuple[str, Any]]:
    """Return the named arguments of a constructor, each with its default."""
    if owner.__init__ is object.__init__:
        return []
    parameters = list(inspect.signature(owner.__init__).parameters.values())[1:]
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [(p.name, p.default) for p in parameters if p.kind in named]


def takes_any_keyword(owner: type) -> bool:
    """Return whether a constructor hands further arguments to its base class."""
    parameters = inspect.signature(owner.__init__).parameters.values()
    return any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters)


def find_argument_type(kind: str, owner: str, argument: str, default: Any) -> str:
    """Return the type of value that an argument takes.

    Raises:
        KeyError: Neither the tables nor the default tell; the tables need an entry.
    """
    for key in (f"{owner}.{argument}", argument):
        if key in ARGUMENT_TYPES:
            return ARGUMENT_TYPES[key]
    for pattern, words in ARGUMENT_TYPES.items():
        if pattern.startswith("*") and argument.endswith(pattern[1:]):
            return words
    rank = int(match[1]) if (match := re.search(r"([123])D", owner)) else 0
    if argument in SIZED_BY_RANK and rank:
        return describe_size(argument, rank, default)
    if argument in NESTED_BY_RANK and rank and not isinstance(default, str):
        return describe_border(rank)
    if argument == "padding":
        return "'valid' or 'same' or 'causal'" if owner == "Conv1D" else "'valid' or 'same'"
    if isinstance(default, bool):
        return "boolean"
    if isinstance(default, (int, float)):
        return "number"
    raise KeyError(f"{kind}: {owner}.{argument}={default!r} has no type in keras_argument_types.py")


def describe_size(argument: str, rank: int, default: Any) -> str:
    """Return the type of a size along each of `rank` axes."""
    word = "non-negative integer" if argument == "output_padding" else "positive integer"
    words = f"{word} or {rank} {word}s"
    return f"{words} or null" if default is None else words


def describe_border(rank: int) -> str:
    """Return the type of a border: one number, one an axis, or two an axis."""
    word = "non-negative integer"
    if rank == 1:
        return f"{word} or 2 {word}s"
    return f"{word} or {rank} {word}s or {rank} pairs of {word}s"


def to_json(default: Any) -> Any:
    """Return a default as JSON holds it."""
    return list(map(to_json, default)) if isinstance(default, tuple) else default


def describe_activations() -> dict[str, Any]:
    """Return the activation functions that work by name alone."""
    refused = REFUSED["activations"]
    entries: dict[str, Any] = {}
    for name, function in sorted(vars(keras.activations).items()):
        if inspect.isfunction(function) and name not in ("deserialize", "get", "serialize"):
            entries[name] = (
                {"refused": refused[name]} if name in refused else {"summary": summarize(function)}
            )
    return entries


def make_catalog() -> dict[str, Any]:
    """Return the whole catalogue."""
    backbones = {
        name: describe_backbone(name, build) for name, build in list_applications().items()
    }
    classes = {kind: describe_classes(kind) for kind in MODULES}
    return {"backbones": backbones, "activations": describe_activations(), **classes}


def format_catalog(value: Any, depth: int = 0) -> str:
    """Return the catalogue as JSON with one argument, alias or backbone a line."""
    opened = isinstance(value, dict) and (depth < 2 or "arguments" in value or depth == 3)
    if not opened or not value:
        return json.dumps(value, ensure_ascii=False)
    indent = " " * (depth + 1)
    lines = [
        f"{indent}{json.dumps(key)}: {format_catalog(item, depth + 1)}"
        for key, item in value.items()
    ]
    return "{\n" + ",\n".join(lines) + "\n" + " " * depth + "}"


def main() -> int:
    """Write the catalogue, or check it; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--backbones", nargs="*", default=None, metavar="NAME")
    options = parser.parse_args()
    applications = list_applications()
    wanted = options.backbones
    if wanted is None:
        wanted = [] if options.check else list(applications)
    BACKBONES.mkdir(exist_ok=True)
    differing = []
    for name in wanted:
        path, layers = BACKBONES / f"{name}.txt", list_backbone_layers(applications[name])
        if not options.check:
            path.write_text(layers, encoding="utf-8")
        elif layers != path.read_text(encoding="utf-8"):
            differing.append(path.name)
    text = format_catalog(make_catalog()) + "\n"
    if not options.check:
        CATALOG.write_text(text, encoding="utf-8")
    elif text != CATALOG.read_text(encoding="utf-8"):
        differing.append(CATALOG.name)
    for name in differing:
        print(f"{name} differs from Keras {keras.__version__}: run python -m scripts.make_catalog")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
