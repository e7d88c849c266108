"""The JSON Schema of a config, made from the sections and the catalogue.

Besides the standard's keywords the schema carries a few of its own, which
validators ignore and which `checking.py` turns into better messages:
`x-refused` (name -> why it is refused), `x-keys` (what the keys of an object
are called) and `x-list` (the `run.py list` command that shows what is allowed).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import Any

from framework.config import catalog, sections
from framework.config.augmentation import make_augmentation_schema
from framework.config.kinds import Schema, join_words, make_kind_schema
from framework.config.schema_parts import (
    LISTED_KINDS,
    allow_null,
    is_required,
    make_backbone,
    make_backbone_arguments,
    make_class_weight,
    make_dataset,
    make_default,
    make_layer_names,
    make_names,
    needs_arguments,
)

DIALECT = "https://json-schema.org/draft/2020-12/schema"
LAYER_NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$"
SWEEP = "sweep_config"
"""The section that makes a sweep of a config; a single run refuses it."""

BACKBONE_OUTPUT = "backbone"
"""What `input_layer` calls the backbone's output, or the image where there is no backbone."""

_SECTIONS = {
    name: cls
    for name, cls in vars(sections).items()
    if dataclasses.is_dataclass(cls) and cls not in (sections.KerasObject, sections.TopLayer)
}
_OBJECT_KINDS = {
    "initializer": ("initializers", "a Keras initializer"),
    "regularizer": ("regularizers", "a Keras regularizer"),
    "constraint": ("constraints", "a Keras constraint"),
    "learning rate": ("schedules", "a positive number or a learning-rate schedule"),
    "layer": ("layers", 'a Keras layer, {"class_name": "LSTM", "config": {"units": 8}}'),
}
_CLASS_TITLES = {
    "initializers": "a Keras initializer",
    "regularizers": "a Keras regularizer",
    "constraints": "a Keras constraint",
    "schedules": "a Keras learning-rate schedule",
    "layers": "a Keras layer",
}
_NAMED_KINDS = {"optimizer": "optimizers", "loss": "losses", "metric": "metrics"}


def make_schema(mentioned: Collection[str] | None = None) -> Schema:
    """Returns the JSON Schema (2020-12) of a config.

    Args:
        mentioned: If given, only Keras objects of these names get their
            arguments described: enough to check a config that names no others,
            and much faster to use.
    """
    return _SchemaMaker(mentioned).make()


class _SchemaMaker:
    """Collects the definitions that the schema's parts refer to."""

    def __init__(self, mentioned: Collection[str] | None) -> None:
        self._mentioned = mentioned
        self._definitions: dict[str, Schema] = {}

    def make(self) -> Schema:
        """Returns the schema of a whole config."""
        root = self._make_section(sections.Config)
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
        return {"$schema": DIALECT, **root, "$defs": self._definitions}

    def _make_section(self, section: Any) -> Schema:
        """Returns the schema of a dataclass of `sections`."""
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

    def _define(self, name: str, make: Any, *arguments: Any) -> Schema:
        """Returns a reference to a definition, which is made when first needed."""
        key = name.replace(" ", "_")
        if key not in self._definitions:
            self._definitions[key] = {}  # Layers can hold layers: ends the recursion.
            self._definitions[key] = make(*arguments)
        return {"$ref": f"#/$defs/{key}"}

    def _make_value(self, phrase: str) -> Schema:
        """Returns the schema of what a key takes."""
        head, *rest = phrase.split(" or ")
        if head in _SECTIONS:
            whole = self._define(head, self._make_section, _SECTIONS[head])
            if not rest:
                return whole
            other = self._make_value(" or ".join(rest))
            title = join_words([other.get("title", "null"), "an object"])
            return {"if": {"type": "object"}, "then": whole, "else": {**other, "title": title}}
        if head in _OBJECT_KINDS:
            return self._define(phrase, self._make_keras_object, head, bool(rest))
        if head == "activation":
            return self._define(phrase, self._make_activation, bool(rest))
        makers = {
            "top": self._make_top,
            "callbacks": self._make_callbacks,
            "metrics": self._make_metrics,
            "optimizer": lambda: self._make_named("optimizer", "Adam"),
            "loss": lambda: self._make_named("loss", "sparse_categorical_crossentropy"),
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
            return make_kind_schema(phrase)
        schema = makers[head]()
        if rest == ["null"]:
            schema["title"] = join_words([schema["title"], "null"])
            return allow_null(schema)
        if rest:
            return {"anyOf": [schema, make_kind_schema(" or ".join(rest))]}
        return schema

    def _make_arguments(self, kind: str, name: str, extra: Schema | None = None) -> Schema:
        """Returns the schema of the arguments of a Keras object."""
        properties: Schema = dict(extra or {})
        required = []
        for argument, entry in catalog.find_entry(kind, name)["arguments"].items():
            properties[argument] = dict(self._make_value(entry["takes"]))
            if about := entry.get("about"):
                properties[argument]["description"] = about
            if "default" in entry:
                properties[argument]["default"] = entry["default"]
            else:
                required.append(argument)
        command = {"x-list": f"{kind} {name}"} if kind in LISTED_KINDS else {}
        return {
            "type": "object",
            "title": f"an object with the arguments of {name}",
            "properties": properties,
            "required": required,
            "additionalProperties": False,
            "x-keys": f"an argument of {name}",
            **command,
        }

    def _list_mentioned(self, kind: str) -> list[str]:
        """Returns the names of a kind whose arguments are to be described."""
        names = catalog.list_names(kind)
        return [name for name in names if self._mentioned is None or name in self._mentioned]

    def _make_branches(self, kind: str, name_key: str, arguments_key: str) -> list[Schema]:
        """Returns, for each name of a kind, the condition that checks its arguments."""
        branches = []
        for name in self._list_mentioned(kind):
            reference = self._define(f"{kind}.{name}", self._make_arguments, kind, name)
            branches.append(
                {
                    "if": {"properties": {name_key: {"const": name}}, "required": [name_key]},
                    "then": {
                        "properties": {arguments_key: reference},
                        "required": [arguments_key] if needs_arguments(kind, name) else [],
                    },
                }
            )
        return branches

    def _make_keras_object(self, word: str, nullable: bool) -> Schema:
        """Returns the schema of `"l2"` or `{"class_name": "L2", "config": {...}}`."""
        kind, title = _OBJECT_KINDS[word]
        title = join_words([title, "null"]) if nullable else title
        whole = {
            "type": "object",
            "properties": {
                "class_name": make_names(kind, _CLASS_TITLES[kind]),
                "config": {"type": "object", "title": "an object with arguments"},
            },
            "required": ["class_name"],
            "additionalProperties": False,
            "x-keys": "one of the keys class_name, config",
            "allOf": self._make_branches(kind, "class_name", "config"),
        }
        if word == "layer":
            other: Schema = {"type": "null" if nullable else "object", "title": title}
        elif word == "learning rate":
            other = {"type": "number", "exclusiveMinimum": 0, "title": title}
        else:
            other = make_names(kind, title, [None] if nullable else [])
            other["enum"] = [name for name in other["enum"] if not needs_arguments(kind, name)]
        return {"title": title, "if": {"type": "object"}, "then": whole, "else": other}

    def _make_activation(self, nullable: bool) -> Schema:
        title = "a Keras activation" + (" or null" if nullable else "")
        return make_names("activations", title, [None] if nullable else [])

    def _make_named(self, word: str, default: str | None) -> Schema:
        """Returns the schema of `"Adam"` or `{"name": "Adam", "learning_rate": 0.001}`."""
        kind = _NAMED_KINDS[word]
        names = make_names(kind, f"a Keras {word}", ["accuracy"] if word == "metric" else [])
        # A metric has an argument `name` too; here the key names the metric.
        branches = [
            {
                "if": {
                    "properties": {"name": {"const": name}},
                    "required": [] if name == default else ["name"],
                },
                "then": self._define(
                    f"{kind}.{name}", self._make_arguments, kind, name, {"name": {"const": name}}
                ),
            }
            for name in (self._list_mentioned(kind) or [])
        ]
        whole = {
            "type": "object",
            "properties": {"name": names},
            "required": [] if default else ["name"],
            "allOf": branches,
        }
        return {
            "title": f"a Keras {word}",
            "if": {"type": "object"},
            "then": whole,
            "else": {**names, "title": f"a Keras {word}, or an object with its name"},
        }

    def _make_metrics(self) -> Schema:
        return {
            "type": "array",
            "items": self._make_named("metric", None),
            "title": "a list of Keras metrics",
        }

    def _make_callbacks(self) -> Schema:
        kind = "callbacks"
        return {
            "type": "object",
            "title": "an object with Keras callbacks",
            "propertyNames": make_names(kind, "a Keras callback"),
            "properties": {
                name: self._define(f"{kind}.{name}", self._make_arguments, kind, name)
                for name in self._list_mentioned(kind)
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
            "additionalProperties": self._define("top_layer", self._make_top_layer),
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
            "allOf": self._make_branches("layers", "layer_type", "initializing_parameters"),
        }
