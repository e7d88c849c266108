"""The JSON Schema of a config, made from the sections and the catalogue.

Besides the standard's keywords the schema carries a few of its own, which
validators ignore and which `checking.py` turns into better messages:
`x-refused` (name -> why it is refused), `x-keys` (what the keys of an object
are called) and `x-list` (the `run.py list` command that shows what is allowed).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection
from typing import Any

from framework.config import model
from framework.config.schema.augmentation import make_augmentation_schema
from framework.config.schema.keras_objects import ObjectSchemas
from framework.config.schema.parts import (
    allow_null,
    is_required,
    make_backbone,
    make_backbone_arguments,
    make_class_weight,
    make_dataset,
    make_default,
    make_layer_names,
    make_names,
)
from framework.config.schema.types import Schema, join_words, make_kind_schema

DIALECT = "https://json-schema.org/draft/2020-12/schema"
LAYER_NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$"
SWEEP = "sweep_config"
"""The section that makes a sweep of a config; a single run refuses it."""

BACKBONE_OUTPUT = "backbone"
"""What `input_layer` calls the backbone's output, or the image where there is no backbone."""

_SECTIONS = {
    name: cls
    for name, cls in vars(model).items()
    if dataclasses.is_dataclass(cls) and cls not in (model.KerasObject, model.TopLayer)
}


def make_schema(mentioned: Collection[str] | None = None) -> Schema:
    """Return the JSON Schema (2020-12) of a config.

    Args:
        mentioned: If given, only Keras objects of these names get their
            arguments described: enough to check a config that names no others,
            and much faster to use.
    """
    return _SchemaMaker(mentioned).make()


class _SchemaMaker:
    """Makes the schema of the sections; that of Keras objects comes from `ObjectSchemas`."""

    def __init__(self, mentioned: Collection[str] | None) -> None:
        self._objects = ObjectSchemas(mentioned)

    def make(self) -> Schema:
        """Return the schema of a whole config."""
        root = self._make_section(model.Config)
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
        return {"$schema": DIALECT, **root, "$defs": self._objects.definitions}

    def _make_section(self, section: Any) -> Schema:
        """Return the schema of a dataclass of `sections`."""
        properties, required = {}, []
        for field in dataclasses.fields(section):
            if "takes" not in field.metadata:
                continue
            properties[field.name] = {
                **self._make_value(field.metadata["takes"]),
                "description": field.metadata["about"],
                **make_default(field),
            }
            if is_required(field):
                required.append(field.name)
        names = ", ".join(properties)
        return {
            "type": "object",
            "title": f"an object with the keys {names}",
            "properties": properties,
            "required": required,
            "additionalProperties": False,
            "x-keys": f"one of the keys {names}",
        }

    def _make_value(self, phrase: str) -> Schema:
        """Return the schema of what a key takes."""
        head, *rest = phrase.split(" or ")
        if head in _SECTIONS:
            whole = self._objects.define(head, self._make_section, _SECTIONS[head])
            if not rest:
                return whole
            other = self._make_value(" or ".join(rest))
            title = join_words([other.get("title", "null"), "an object"])
            return {"if": {"type": "object"}, "then": whole, "else": {**other, "title": title}}
        makers: dict[str, Callable[[], Schema]] = {
            "top": self._make_top,
            "callbacks": self._make_callbacks,
            "metrics": self._make_metrics,
            "optimizer": lambda: self._objects.make_named("optimizer", "Adam"),
            "loss": lambda: self._objects.make_named("loss", "sparse_categorical_crossentropy"),
            "augmentation": make_augmentation_schema,
            "class weight": make_class_weight,
            "backbone": make_backbone,
            "backbone arguments": make_backbone_arguments,
            "dataset": make_dataset,
            "layer names": make_layer_names,
            "backbone layer": lambda: {"type": "string", "title": "a backbone layer"},
            "trainable": lambda: {
                "type": "string",
                "title": "'none', 'all' or a backbone layer",
            },
        }
        if head not in makers:
            return self._objects.make_value(phrase)
        schema = makers[head]()
        if rest == ["null"]:
            schema["title"] = join_words([schema["title"], "null"])
            return allow_null(schema)
        if rest:
            return {"anyOf": [schema, make_kind_schema(" or ".join(rest))]}
        return schema

    def _make_metrics(self) -> Schema:
        return {
            "type": "array",
            "items": self._objects.make_named("metric", None),
            "title": "a list of Keras metrics",
        }

    def _make_callbacks(self) -> Schema:
        kind = "callbacks"
        return {
            "type": "object",
            "title": "an object with Keras callbacks",
            "propertyNames": make_names(kind, "a Keras callback"),
            "properties": {
                name: self._objects.define(
                    f"{kind}.{name}", self._objects.make_arguments, kind, name
                )
                for name in self._objects.list_mentioned(kind)
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
            "additionalProperties": self._objects.define("top_layer", self._make_top_layer),
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
            "allOf": self._objects.make_branches("layers", "layer_type", "initializing_parameters"),
        }
