"""Checked values as a `Config`, with every default filled in, and a `Config` as values."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from framework.config import catalog, model
from framework.config.checks.output import ACCURACY
from framework.config.checks.top_graph import sort_layers
from framework.config.model import Config, KerasObject, TopLayer, Weights
from framework.config.schema.config_schema import BACKBONE_OUTPUT

_KINDS = {"optimizer": "optimizers", "loss": "losses"}


def build_config(values: dict[str, Any]) -> Config:
    """Return the config of values that have been checked."""
    config: Config = _build_section(Config, values)
    return config


def dump_config(config: Config) -> dict[str, Any]:
    """Return a config as values for JSON, with every default spelled out.

    `resolve_config` makes an equal config of them.
    """
    dumped: dict[str, Any] = _dump_value(config)
    del dumped["origin"]
    return dumped


def _build_section(section: Any, values: dict[str, Any]) -> Any:
    """Return a dataclass of `sections`, made of the keys of that section."""
    arguments = {
        field.name: _build_value(field, values[field.name])
        for field in dataclasses.fields(section)
        if field.name in values and not _means_default(field, values[field.name])
    }
    return section(**arguments)


def _means_default(field: Any, value: Any) -> bool:
    """Return whether a value is null where null stands for "none of these"."""
    is_collection = "null" in field.metadata["takes"].split(" or ") and (
        field.default == () or field.default_factory is dict or field.name == "limit"
    )
    return value is None and is_collection


def _build_value(field: Any, value: Any) -> Any:
    """Return the value of a key as its section holds it."""
    head = field.metadata["takes"].split(" or ")[0]
    section = getattr(model, head, None)
    if section is Weights or (section and isinstance(value, str)):
        value = value if isinstance(value, dict) else {"name": value}
    if section and value is not None:
        return _build_section(section, value)
    if head in ("optimizer", "loss"):
        return _build_object(value, field.default.name, _KINDS[head])
    if head == "metrics":
        objects = [_build_object(item, ACCURACY, "metrics") for item in value]
        return tuple(item for item in objects if item.name != ACCURACY)
    if head == "top":
        return _build_top(value)
    return tuple(value) if head == "layer names" else value


def _build_object(value: Any, default: str, kind: str) -> KerasObject:
    """Return what is given as `"Adam"` or as `{"name": "Adam", ...}`."""
    if isinstance(value, str):
        return KerasObject(value)
    name = value.get("name", default)
    arguments = {key: item for key, item in value.items() if key != "name"}
    return KerasObject(name, _match_defaults(kind, name, arguments) if arguments else {})


def _match_defaults(kind: str, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return arguments with whole numbers as floats where Keras insists on floats."""
    entries = catalog.find_entry(kind, name)["arguments"]
    return {
        key: float(item)
        if type(item) is int and type(entries[key].get("default")) is float
        else item
        for key, item in arguments.items()
    }


def _build_top(values: dict[str, Any]) -> dict[str, TopLayer]:
    """Return the declared layers, each after its inputs, with all inputs spelled out."""
    layers: dict[str, TopLayer] = {}
    previous = BACKBONE_OUTPUT
    for name, layer in values.items():
        inputs = layer.get("input_layer", previous)
        if isinstance(inputs, list):
            single = catalog.find_input_rule(layer["layer_type"]).form == "single"
            inputs = inputs[0] if single else tuple(inputs)
        arguments = layer.get("initializing_parameters", {})
        layers[name] = TopLayer(layer["layer_type"], arguments, inputs)
        previous = name
    order = sort_layers({name: list_inputs(layer) for name, layer in layers.items()})
    return {name: layers[name] for name in order}


def list_inputs(layer: TopLayer) -> tuple[str, ...]:
    """Return the names of a layer's inputs, one or several."""
    inputs = layer.input_layer
    return (inputs,) if isinstance(inputs, str) else inputs


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
