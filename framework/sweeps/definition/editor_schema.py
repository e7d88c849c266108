"""The JSON Schema for editors: of configs, of those that extend another, and of sweeps.

Messages come from the schema of `framework.config.schema.config_schema`, which knows what a config
must have when it is read. An editor sees one file of several, and completes what is not there yet.
"""

from typing import Any

from framework.config.parse.merge import DROPPABLE
from framework.config.schema.config_schema import SWEEP, make_schema
from framework.config.schema.value_types import Schema
from framework.sweeps.definition.sweep_config import make_sweep_config_schema

EXTENDS = "extends"
FOLDER = {"name": "folder", "path": "${1:pictures}"}
"""What an editor offers for one's own images."""


def make_editor_schema() -> Schema:
    """Return the JSON Schema (2020-12) that an editor checks and completes any config with."""
    strict = make_schema()
    definitions = strict.pop("$defs")
    needed = _list_needed(strict, definitions)
    root = _ease(strict)
    eased = {name: _ease(each, is_section=_is_section(name)) for name, each in definitions.items()}
    for section, key in DROPPABLE:
        _allow_null(_find_property(root, eased, str(section), str(key)))
    dataset = _find_property(root, eased, "data_config", "dataset")
    dataset["defaultSnippets"] = [{"label": "one's own images", "body": FOLDER}]
    root["properties"][SWEEP] = _ease(make_sweep_config_schema(), is_section=False)
    # Only the files that a config extends say what is there.
    condition = {"if": {"not": {"required": [EXTENDS]}}, "then": needed}
    return {**root, **condition, "$defs": eased}


def _is_section(name: str) -> bool:
    """Return whether a definition is that of a section, or of a layer, which bases complete."""
    return name == "top_layer" or name[0].isupper()


def _ease(schema: Any, is_section: bool = True) -> Any:
    """Return a schema in the words that editors complete by.

    Short forms and objects become alternatives, defaults are given as people write them, and what
    a section must have is left to the bases of a config.
    """
    if isinstance(schema, list):
        return [_ease(each, is_section) for each in schema]
    if not isinstance(schema, dict):
        return schema
    eased = {
        key: _ease(value, is_section)
        for key, value in schema.items()
        if not (key.startswith("x-") or (is_section and key == "required"))
    }
    if "if" in schema and "else" in schema:
        for key in ("if", "then", "else"):
            eased.pop(key, None)
        other = schema.get("then", schema["if"])
        eased["anyOf"] = [_ease(schema["else"]), _ease(other, is_section)]
    if "default" in eased:
        eased["default"] = _shorten(schema["default"])
    return eased


def _shorten(default: Any) -> Any:
    """Return the name alone of an object that has no other values."""
    if isinstance(default, dict) and default.get("name") is not None:
        others = [value for key, value in default.items() if key != "name" and value is not None]
        return default if others else default["name"]
    return default


def _find_property(root: Schema, definitions: Schema, section: str, key: str) -> Schema:
    reference = root["properties"][section]["$ref"]
    found: Schema = definitions[reference.rpartition("/")[2]]["properties"][key]
    return found


def _allow_null(schema: Schema) -> None:
    """Let the entries of an object be null, which drops those of a base."""
    for holder in (schema.get("properties", {}), schema):
        for key, value in holder.items():
            if isinstance(value, dict) and (holder is not schema or key == "additionalProperties"):
                holder[key] = {"anyOf": [value, {"type": "null"}]}


def _list_needed(schema: Schema, definitions: Schema) -> Schema:
    """Return a schema of nothing but what sections and layers must have."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return _list_needed(definitions[name], definitions) if _is_section(name) else {}
    needed: Schema = {}
    if schema.get("required"):
        needed["required"] = schema["required"]
    properties = {
        key: found
        for key, value in schema.get("properties", {}).items()
        if (found := _list_needed(value, definitions))
    }
    if properties:
        needed["properties"] = properties
    others = schema.get("additionalProperties")
    if isinstance(others, dict) and (found := _list_needed(others, definitions)):
        needed["additionalProperties"] = found
    if schema.get("if") == {"type": "object"} and (
        found := _list_needed(schema["then"], definitions)
    ):
        needed |= {"if": {"type": "object"}, "then": found}
    return needed
