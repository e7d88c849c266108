"""Values against the schema: every violation in our own words."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema
from jsonschema.exceptions import ValidationError

from framework.config.model import TrainingConfig
from framework.config.schema.config_schema import make_schema
from framework.config.schema.value_types import Schema
from framework.config.source_map import KeyPath
from framework.config.suggestions import suggest_name
from framework.config.violations import (
    MAX_SHOWN,
    Violation,
    format_mismatch,
    format_value,
)


def check_schema(values: dict[str, Any]) -> list[Violation]:
    """Return what is wrong with a config's values as the schema has it."""
    return check_values(values, make_schema(mentioned=_collect_texts(values)))


def check_values(values: dict[str, Any], schema: Schema) -> list[Violation]:
    """Return what is wrong with values as a schema has it."""
    violations: dict[tuple[KeyPath, bool], Violation] = {}
    for error in _make_validator(schema).iter_errors(values):
        for violation in _translate_error(error, schema):
            violations.setdefault((violation.path, violation.at_key), violation)
    misspelt = {violation.meant for violation in violations.values()}
    return [violation for violation in violations.values() if violation.path not in misspelt]


def _collect_texts(value: Any) -> set[str]:
    """Return every key and text in a value, and the default names: all that it may mention."""
    texts, pending = set(), [value]
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            texts.add(item)
        elif isinstance(item, dict):
            texts.update(item)
            pending.extend(item.values())
        elif isinstance(item, list):
            pending.extend(item)
    return texts | {TrainingConfig.optimizer.name, TrainingConfig.loss.name}


def _is_number(_: Any, value: Any) -> bool:
    """Return whether a value is a finite number that fits a float."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


def _is_integer(_: Any, value: Any) -> bool:
    """Return whether a value is an integer that can be compared; `true` and `25.0` are none."""
    return isinstance(value, int) and _is_number(_, value)


def _make_validator(schema: Schema) -> Any:
    """Return a validator with our reading of numbers."""
    base = jsonschema.Draft202012Validator
    types = base.TYPE_CHECKER.redefine("integer", _is_integer).redefine("number", _is_number)
    return jsonschema.validators.extend(base, type_checker=types)(schema)


def _translate_error(error: ValidationError, root: Schema) -> Iterator[Violation]:
    """Yield the violations behind one error of the validator."""
    path = tuple(error.absolute_path)
    schema: Schema = dict(error.schema) if isinstance(error.schema, Mapping) else {}
    value: Any = error.instance
    if error.validator == "additionalProperties" and isinstance(value, dict):
        for key in value.keys() - schema["properties"].keys():
            yield _describe_unknown_key(path, key, schema, value)
    elif error.validator == "required":
        for key in schema["required"]:
            if key not in value:
                expected = _find_title(schema.get("properties", {}).get(key, {}), root)
                yield Violation((*path, key), f"required, but missing. Expected {expected}.")
    elif "propertyNames" in error.absolute_schema_path:
        yield Violation((*path, value), _format_wrong_value(value, schema), at_key=True)
    else:
        yield Violation(path, _format_wrong_value(value, schema))


def _describe_unknown_key(
    path: KeyPath, key: str, schema: Schema, value: dict[str, Any]
) -> Violation:
    """Return the violation that an object has an unknown key."""
    here = (*path, key)
    if reason := schema.get("x-refused", {}).get(key):
        return Violation(here, f"{format_value(key)} is refused: {reason}.", at_key=True)
    absent = [name for name in schema["properties"] if name not in value]
    missed = suggest_name(key, absent)
    # With --set, what is meant is often there already.
    suggestion = missed or suggest_name(key, schema["properties"])
    message = format_mismatch(
        schema["x-keys"], key, suggestion and repr(suggestion), _format_command(schema)
    )
    return Violation(here, message, at_key=True, meant=(*path, missed) if missed else None)


def _format_wrong_value(value: Any, schema: Schema) -> str:
    """Return the message on a value that is not what it should be."""
    expected = schema.get("title") or str(schema.get("const", schema.get("type", "another value")))
    if isinstance(value, str) and (reason := schema.get("x-refused", {}).get(value)):
        return f"expected {expected}. {format_value(value)} is refused: {reason}."
    return format_mismatch(expected, value, _suggest_value(value, schema), _format_command(schema))


def _format_command(schema: Schema) -> str:
    """Return where to see what is allowed, if a command shows it."""
    command = schema.get("x-list")
    return f" See: python run.py list {command}" if command else ""


def _find_title(schema: Schema, root: Schema) -> str:
    """Return what a schema, or the one that it refers to, expects."""
    reference = schema.get("$ref")
    found = root["$defs"][reference.rpartition("/")[2]] if reference else schema
    return str(found.get("title", "a value"))


def _accepts(value: Any, schema: Schema) -> bool:
    """Return whether a value fits a schema that refers to no others."""
    return bool(_make_validator({k: v for k, v in schema.items() if k != "else"}).is_valid(value))


def _suggest_value(value: Any, schema: Schema) -> str | None:
    """Return what was probably meant by a value, as a config would write it."""
    if isinstance(value, float) and value.is_integer() and _accepts(int(value), schema):
        return str(int(value))
    if not isinstance(value, str):
        return None
    allowed = list(schema.get("enum", []))
    for part in schema.get("anyOf", []):
        allowed.extend([part["const"]] if "const" in part else part.get("enum", []))
    if suggestion := suggest_name(value, [name for name in allowed if isinstance(name, str)]):
        return repr(suggestion)
    literals = {"none": None, "null": None, "true": True, "yes": True, "on": True}
    literals |= {"false": False, "no": False, "off": False}
    meant = literals.get(value.lower(), value)
    if meant is value:
        meant = _read_number(value)
    if meant is not value and _accepts(meant, schema):
        return f"{format_value(meant)}, without quotes"
    return None


def _read_number(text: str) -> Any:
    """Return the number that a text holds, or the text itself."""
    for read in (int, float):
        try:
            return read(text[:MAX_SHOWN])
        except ValueError:
            continue
    return text
