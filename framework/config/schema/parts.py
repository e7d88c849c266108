"""Small parts of the schema that refer to nothing but the catalogue."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

from framework.config import catalog, model
from framework.config.schema.types import Schema, make_kind_schema

LISTED_KINDS = ("layers", "callbacks", "optimizers")
"""Kinds that `run.py list` shows, besides backbones and data sets."""


def make_names(kind: str, title: str, others: Iterable[Any] = ()) -> Schema:
    """Return the schema of a name in the catalogue."""
    schema: Schema = {"enum": [*catalog.list_names(kind), *others], "title": title}
    if refused := catalog.list_refusals(kind):
        schema["x-refused"] = refused
    if kind in LISTED_KINDS:
        schema["x-list"] = kind
    return schema


def needs_arguments(kind: str, name: str | None) -> bool:
    """Return whether a Keras object can't be made by its name alone."""
    if name is None:
        return False
    arguments = catalog.find_entry(kind, name)["arguments"].values()
    return any("default" not in argument for argument in arguments)


def make_backbone() -> Schema:
    """Return the schema of `model_name`."""
    return {
        "enum": [*catalog.list_names("backbones"), catalog.NO_BACKBONE],
        "title": "a backbone",
        "x-list": "backbones",
    }


def make_backbone_arguments() -> Schema:
    """Return the schema of `model_arguments`."""
    arguments = catalog.BACKBONE_ARGUMENTS
    return {
        "type": "object",
        "title": "an object with arguments of the backbone",
        "properties": {name: make_kind_schema(takes) for name, (takes, _) in arguments.items()},
        "additionalProperties": False,
        "x-keys": f"one of the arguments {', '.join(arguments)}",
    }


def make_dataset() -> Schema:
    """Return the schema of the name of a data set."""
    return {"enum": list(catalog.DATASETS), "title": "a data set", "x-list": "datasets"}


def make_layer_names() -> Schema:
    """Return the schema of a list of layers."""
    return {"type": "array", "items": {"type": "string"}, "title": "a list of layer names"}


def make_class_weight() -> Schema:
    """Return the schema of `class_weight`."""
    weight = {"type": "number", "exclusiveMinimum": 0, "title": "a positive number"}
    title = "'balanced', null or an object with a positive weight for each class"
    return {
        "title": title,
        "if": {"type": "object"},
        "then": {"additionalProperties": weight},
        "else": {"enum": ["balanced", None], "title": title},
    }


def allow_null(schema: Schema) -> Schema:
    """Return the schema with null allowed as well."""
    if "enum" in schema:
        return {**schema, "enum": [*schema["enum"], None]}
    return {**schema, "type": [schema["type"], "null"]}


def is_required(field: Any) -> bool:
    """Return whether a key of a section has no default."""
    missing = dataclasses.MISSING
    return field.default is missing and field.default_factory is missing


def make_default(field: Any) -> Schema:
    """Return the `default` keyword of a key, as a config would write it."""
    if is_required(field):
        return {}
    default = {} if field.default is dataclasses.MISSING else field.default
    if isinstance(default, model.KerasObject):
        return {"default": default.name}
    if dataclasses.is_dataclass(default) and not isinstance(default, type):
        return {"default": dataclasses.asdict(default)}
    return {"default": list(default) if isinstance(default, tuple) else default}
