"""Checked values as a `Config`, with every default filled in, and a `Config` as values."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from framework.config import catalog
from framework.config.catalog import ACCURACY, IMAGENET, NO_BACKBONE
from framework.config.checks.top_rules import sort_layers
from framework.config.fields import ConfigField, list_fields
from framework.config.model import Config, DatasetConfig, KerasObject, TopLayer, Weights
from framework.config.schema.keras_object_schemas import NAMED_KINDS
from framework.config.training_model import Tracking

NAMED_SECTIONS = (DatasetConfig, Weights, Tracking)
"""Sections that may be given as a name alone."""


def build_config(values: dict[str, Any]) -> Config:
    """Return the config of values that have been checked."""
    config: Config = _build_section(Config, values)
    model = config.model_configuration
    if model.model_name == NO_BACKBONE:
        # Nothing would load weights, whatever their default is: no record should name them.
        weights = Weights(name=None)
    elif catalog.has_own_weights(model.model_name) and model.weights.name == IMAGENET:
        weights = dataclasses.replace(model.weights, name=model.model_name)
    else:
        return config
    model = dataclasses.replace(model, weights=weights)
    return dataclasses.replace(config, model_configuration=model)


def dump_config(config: Config) -> dict[str, Any]:
    """Return a config as values for JSON, with every default spelled out.

    `resolve_config` makes an equal config of them.
    """
    dumped: dict[str, Any] = _dump_value(config)
    del dumped["source_map"]
    return dumped


def list_changes(before: Any, after: Any, path: str = "") -> list[str]:
    """Return where two dumped configs differ, by dotted path."""
    if isinstance(before, dict) and isinstance(after, dict):
        return [
            change
            for key in dict.fromkeys([*before, *after])
            for change in list_changes(before.get(key), after.get(key), f"{path}.{key}".strip("."))
        ]
    return [] if before == after else [f"{path}: {before!r} before, {after!r} now"]


def _build_section(section: Any, values: dict[str, Any]) -> Any:
    """Return a section's dataclass, made of the keys that are given."""
    arguments = {}
    for field in list_fields(section):
        if field.name not in values:
            continue
        value = values[field.name]
        is_absent = value is None and field.default is None
        if field.section in NAMED_SECTIONS and not isinstance(value, dict) and not is_absent:
            value = {"name": value}
        if value is not None:
            arguments[field.name] = _build_value(field, value)
        elif field.nullable:
            arguments[field.name] = None
    return section(**arguments)


def _build_value(field: ConfigField, value: Any) -> Any:
    """Return the value of a key as its section holds it."""
    if field.section:
        return _build_section(field.section, value)
    if field.takes in NAMED_KINDS:
        return _build_object(value, field.default, NAMED_KINDS[field.takes])
    if field.name == "metrics":
        objects = [_build_object(item, ACCURACY, "metrics") for item in value]
        return tuple(item for item in objects if item.name != ACCURACY)
    if field.name == "model_top_config":
        return _build_top(value)
    return tuple(value) if isinstance(value, list) else value


def _build_object(value: Any, default: str, kind: str) -> KerasObject:
    """Return what is given as `"Adam"` or as `{"name": "Adam", ...}`."""
    if isinstance(value, str):
        return KerasObject(value)
    name = value.get("name", default)
    arguments = {key: item for key, item in value.items() if key != "name"}
    for key, item in arguments.items():  # Keras insists on floats where its default is one.
        entry = catalog.find_entry(kind, name)["arguments"][key]
        if type(item) is int and type(entry.get("default")) is float:
            arguments[key] = float(item)
    return KerasObject(name, arguments)


def _build_top(values: dict[str, Any]) -> dict[str, TopLayer]:
    """Return the declared layers, each after its inputs, with all inputs spelled out."""
    layers: dict[str, TopLayer] = {}
    previous = catalog.BACKBONE_OUTPUT
    for name, layer in values.items():
        inputs = layer.get("input_layer", previous)
        if isinstance(inputs, list):
            single = catalog.find_input_rule(layer["layer_type"]).form == "single"
            inputs = inputs[0] if single else tuple(inputs)
        arguments = layer.get("initializing_parameters", {})
        layers[name] = TopLayer(layer["layer_type"], arguments, inputs)
        previous = name
    order = sort_layers({name: layer.inputs for name, layer in layers.items()})
    return {name: layers[name] for name in order}


def _dump_value(value: Any) -> Any:
    """Return a value of a config as JSON holds it."""
    if isinstance(value, KerasObject):
        return {"name": value.name, **_dump_value(value.arguments)}
    if dataclasses.is_dataclass(value):
        return {f.name: _dump_value(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {key: _dump_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_dump_value(item) for item in value]
    return value
