"""The JSON Schema of a config, made from the sections and the catalogue.

Besides the standard's keywords the schema carries a few of its own, which validators ignore and
which `validator.py` turns into better messages: `x-refused` (name -> why it is refused), `x-keys`
(what the keys of an object are called) and `x-list` (the `run.py list` command that shows what is
allowed).
"""

from collections.abc import Callable, Collection
from dataclasses import MISSING
from typing import Any

from framework.config import catalog, model
from framework.config.fields import ConfigField, list_fields
from framework.config.schema.augmentation_arguments import make_augmentation_schema
from framework.config.schema.keras_object_schemas import ObjectSchemas, make_names
from framework.config.schema.value_types import WORDS, Schema, make_type_schema
from framework.config.violations import join_words
from framework.hub.presets import POOLINGS

PREPROCESSING_MODES = ("none", "caffe", "tf", "torch")

DIALECT = "https://json-schema.org/draft/2020-12/schema"
LAYER_NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$"
SWEEP = "sweep_config"
"""The section that makes a sweep of a config; a single run refuses it."""

_CLASS_WEIGHT = "'balanced', null or an object with a positive weight for each class"

_PREPROCESSING = "'none', 'caffe', 'tf', 'torch', null or an object with scale and offset"
_NUMBERS = "number or 3 numbers"

_POOLING = ", ".join(map(repr, POOLINGS)) + " or null"

_PLAIN_WORDS: dict[str, Schema] = {
    "backbone": {
        "title": "a backbone",
        "if": {"type": "string", "pattern": r"\.keras$|^hub:."},
        "else": {
            "enum": [*catalog.list_names("backbones"), catalog.NO_BACKBONE],
            "title": "a backbone",
            "x-list": "backbones",
        },
    },
    "preprocessing": {
        "title": _PREPROCESSING,
        "if": {"type": "object"},
        "then": {
            "properties": {name: make_type_schema(_NUMBERS) for name in ("scale", "offset")},
            "required": ["scale"],
            "additionalProperties": False,
            "x-keys": "one of the keys scale, offset",
        },
        "else": {"enum": [*PREPROCESSING_MODES, None], "title": _PREPROCESSING},
    },
    "backbone arguments": {
        "type": "object",
        "title": "an object with arguments of the backbone",
        "properties": {
            name: make_type_schema(takes) for name, (takes, _) in catalog.BACKBONE_ARGUMENTS.items()
        }
        | {"pooling": {"enum": [*POOLINGS, None], "title": _POOLING}},
        "additionalProperties": False,
        "x-keys": f"one of the arguments {', '.join(catalog.BACKBONE_ARGUMENTS)}",
    },
    "backbone layer": {"type": "string", "title": "a backbone layer"},
    "class weight": {
        "title": _CLASS_WEIGHT,
        "if": {"type": "object"},
        "then": {
            "additionalProperties": {**WORDS["positive number"], "title": "a positive number"}
        },
        "else": {"enum": ["balanced", None], "title": _CLASS_WEIGHT},
    },
    "dataset": {"enum": list(catalog.DATASETS), "title": "a data set", "x-list": "datasets"},
    "layer names": {"type": "array", "items": {"type": "string"}, "title": "a list of layer names"},
    "trainable": {"type": "string", "title": "'none', 'all' or a backbone layer"},
    "augmentation": make_augmentation_schema(),
}
"""Words of the sections that refer to nothing but the catalogue."""


def make_section_schema(
    section: Any, make_value: Callable[[ConfigField], Schema] = lambda f: make_type_schema(f.takes)
) -> Schema:
    """Return the schema of a dataclass whose keys are defined with `config_field`.

    Args:
        section: The dataclass.
        make_value: Returns the schema of what a key takes; by default one of plain words.
    """
    fields = list_fields(section)
    names = ", ".join(field.name for field in fields)
    return {
        "type": "object",
        "title": f"an object with the keys {names}",
        "properties": {
            field.name: {
                **make_value(field),
                "description": field.about,
                **({} if field.default is MISSING else {"default": field.default}),
            }
            for field in fields
        },
        "required": [field.name for field in fields if field.default is MISSING],
        "additionalProperties": False,
        "x-keys": f"one of the keys {names}",
    }


def make_schema(mentioned: Collection[str] | None = None) -> Schema:
    """Return the JSON Schema (2020-12) of a config.

    Args:
        mentioned: If given, only Keras objects of these names get their arguments described: enough
            to check a config that names no others, and much faster to use.
    """
    return _ConfigSchema(mentioned).make()


class _ConfigSchema(ObjectSchemas):
    """Makes the schema of the sections, and of the Keras objects that they hold."""

    def make(self) -> Schema:
        """Return the schema of a whole config."""
        root = make_section_schema(model.Config, self._make_field)
        root["title"] = "an object with the sections of a config"
        root["x-refused"] = {SWEEP: "it belongs to a sweep: python run.py sweep --config FILE"}
        root["properties"] = {
            "$schema": {
                "type": "string",
                "title": "a text",
                "description": "The schema, for editors.",
            },
            "extends": {
                "type": "string",
                "minLength": 1,
                "title": "the path of another config",
                "description": "A config whose values hold where this one says nothing; its path "
                "is relative to this file.",
            },
        } | root["properties"]
        return {"$schema": DIALECT, **root, "$defs": self.definitions}

    def _make_field(self, field: ConfigField) -> Schema:
        """Return the schema of what a key takes."""
        if field.section is None:
            return self._make_value(field.takes)
        section = field.section
        whole = self.define(section.__name__, make_section_schema, section, self._make_field)
        _, _, others = field.takes.partition(" or ")
        if not others:
            return whole
        other = self._make_value(others)
        title = join_words([other.get("title", "null"), "an object"])
        return {"if": {"type": "object"}, "then": whole, "else": {**other, "title": title}}

    def _make_value(self, phrase: str) -> Schema:
        """Return the schema of a phrase, of which the first word may be one of the sections'."""
        head, _, others = phrase.partition(" or ")
        makers: dict[str, Callable[[], Schema]] = {
            "top": self._make_top,
            "callbacks": self._make_callbacks,
            "metrics": self._make_metrics,
            "optimizer": lambda: self.make_named(head, model.TrainingConfig.optimizer.name),
            "loss": lambda: self.make_named(head, model.TrainingConfig.loss.name),
        }
        if head in makers:
            schema = makers[head]()
        elif head in _PLAIN_WORDS:
            schema = dict(_PLAIN_WORDS[head])
        else:
            return self.make_value(phrase)
        if others == "null":
            schema["title"] += " or null"
            if "enum" in schema:
                schema["enum"] = [*schema["enum"], None]
            else:
                schema["type"] = [schema["type"], "null"]
        return schema

    def _make_metrics(self) -> Schema:
        return {
            "type": "array",
            "items": self.make_named("metric", None),
            "title": "a list of Keras metrics",
        }

    def _make_callbacks(self) -> Schema:
        kind = "callbacks"
        return {
            "type": "object",
            "title": "an object with Keras callbacks",
            "propertyNames": make_names(kind, "a Keras callback"),
            "properties": {
                name: self.define(f"{kind}.{name}", self.make_arguments, kind, name)
                for name in self.list_mentioned(kind)
            },
        }

    def _make_top(self) -> Schema:
        return {
            "type": "object",
            "title": "an object with at least one layer",
            "minProperties": 1,
            "propertyNames": {
                "pattern": LAYER_NAME,
                "title": "a layer name of at most 100 letters, digits, _ and -",
            },
            "additionalProperties": self.define("top_layer", self._make_top_layer),
        }

    def _make_top_layer(self) -> Schema:
        names = "layer_type, initializing_parameters, input_layer"
        return {
            "type": "object",
            "title": f"an object with the keys {names}",
            "properties": {
                "layer_type": {
                    **make_names("layers", "a Keras layer"),
                    "description": "The class of the layer.",
                },
                "initializing_parameters": {
                    "type": "object",
                    "title": "an object with the layer's arguments",
                    "description": "The arguments of the layer's constructor.",
                    "default": {},
                },
                "input_layer": {
                    "anyOf": [
                        {"type": "string"},
                        {"type": "array", "items": {"type": "string"}, "minItems": 1},
                    ],
                    "title": "the name of a layer or a list of names",
                    "description": "An earlier layer, a list of them, `backbone`, or a backbone "
                    "layer; by default the layer before, for the first one the backbone's output.",
                },
            },
            "required": ["layer_type"],
            "additionalProperties": False,
            "x-keys": f"one of the keys {names}",
            "allOf": self.make_branches("layers", "layer_type", "initializing_parameters"),
        }
