"""Values against the schema: every violation as a finding in our own words."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jsonschema
from jsonschema.exceptions import ValidationError

from framework.config.parse.document import KeyPath
from framework.config.schema.config_schema import make_schema
from framework.config.schema.types import Schema
from framework.config.suggestions import suggest_name

MAX_SHOWN = 60
"""Characters of a found value that a message repeats."""


@dataclass(frozen=True)
class Violation:
    """One thing that is wrong.

    Args:
        path: Where the value is.
        message: The rule, what was found, and the likely intention.
        at_key: Whether the key is wrong rather than its value.
        meant: Where the value would be if its key were spelt as suggested.
    """

    path: KeyPath
    message: str
    at_key: bool = False
    meant: KeyPath | None = None


def check_schema(values: dict[str, Any]) -> list[Violation]:
    """Return what is wrong with a config's values as the schema has it."""
    return check_values(values, make_schema(mentioned=_collect_texts(values)))


def check_values(values: dict[str, Any], schema: Schema) -> list[Violation]:
    """Return what is wrong with values as a schema has it."""
    findings: dict[tuple[KeyPath, bool], Violation] = {}
    for error in _make_validator(schema).iter_errors(values):
        for finding in _translate_error(error, schema):
            findings.setdefault((finding.path, finding.at_key), finding)
    misspelt = {finding.meant for finding in findings.values()}
    return [finding for finding in findings.values() if finding.path not in misspelt]


def show_value(value: Any) -> str:
    """Return a value as a message repeats it, shortened."""
    if value is None or isinstance(value, bool):
        text = {None: "null", True: "true", False: "false"}[value]
    elif isinstance(value, dict | list):
        text = show_collection(value)
    elif isinstance(value, int) and abs(value) > 10**MAX_SHOWN:
        text = f"a number of more than {MAX_SHOWN} digits"
    else:
        text = repr(value)
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 4] + " ..."


def show_collection(value: Any) -> str:
    """Return a list or an object, without what is deep inside."""
    if not value:
        return "{}" if isinstance(value, dict) else "[]"
    if isinstance(value, dict):
        return f"an object with {', '.join(repr(str(k))[:20] for k in list(value)[:3])}"
    scalars = (str, int, float, type(None))
    items = [show_value(item) if isinstance(item, scalars) else "..." for item in value[:8]]
    return "[" + ", ".join(items + ["..."] * (len(value) > 8)) + "]"


def format_mismatch(
    expected: str, found: Any, suggestion: str | None = None, note: str = ""
) -> str:
    """Return `expected a backbone. Found 'VGG61'. Did you mean 'VGG16'?`."""
    question = f" Did you mean {suggestion}?" if suggestion else note
    return f"expected {expected}. Found {show_value(found)}.{question}"


def _collect_texts(value: Any) -> set[str]:
    """Return every key and every text in a value: all names it may mention."""
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
    return texts | {"Adam", "sparse_categorical_crossentropy"}


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
    """Yield the findings behind one error of the validator."""
    path = tuple(error.absolute_path)
    schema: Schema = dict(error.schema) if isinstance(error.schema, Mapping) else {}
    value: Any = error.instance
    if error.validator == "additionalProperties" and isinstance(value, dict):
        for key in value.keys() - schema["properties"].keys():
            yield _find_unknown_key(path, key, schema, value)
    elif error.validator == "required":
        for key in schema["required"]:
            if key not in value:
                yield Violation((*path, key), _say_missing(key, schema, root))
    elif "propertyNames" in error.absolute_schema_path:
        yield Violation((*path, value), _say_wrong_value(value, schema), at_key=True)
    else:
        yield Violation(path, _say_wrong_value(value, schema))


def _find_unknown_key(path: KeyPath, key: str, schema: Schema, value: dict[str, Any]) -> Violation:
    """Return the finding that an object does not have a key."""
    here = (*path, key)
    if reason := schema.get("x-refused", {}).get(key):
        return Violation(here, f"{show_value(key)} is refused: {reason}.", at_key=True)
    absent = [name for name in schema["properties"] if name not in value]
    missed = suggest_name(key, absent)
    # With --set, what is meant is often there already.
    suggestion = missed or suggest_name(key, schema["properties"])
    message = format_mismatch(
        schema["x-keys"], key, suggestion and repr(suggestion), _say_command(schema)
    )
    return Violation(here, message, at_key=True, meant=(*path, missed) if missed else None)


def _say_missing(key: str, schema: Schema, root: Schema) -> str:
    """Return the message on a key that is required."""
    expected = _resolve(schema.get("properties", {}).get(key, {}), root).get("title", "a value")
    return f"required, but missing. Expected {expected}."


def _say_wrong_value(value: Any, schema: Schema) -> str:
    """Return the message on a value that is not what it should be."""
    expected = schema.get("title") or _describe_range(schema)
    if isinstance(value, str) and (reason := schema.get("x-refused", {}).get(value)):
        return f"expected {expected}. {show_value(value)} is refused: {reason}."
    return format_mismatch(expected, value, _suggest_value(value, schema), _say_command(schema))


def _say_command(schema: Schema) -> str:
    """Return where to see what is allowed, if a command shows it."""
    command = schema.get("x-list")
    return f" See: python run.py list {command}" if command else ""


def _describe_range(schema: Schema) -> str:
    """Return what a schema without a title expects."""
    return str(schema.get("const", schema.get("type", "another value")))


def _resolve(schema: Schema, root: Schema) -> Schema:
    """Return the schema that a reference points at."""
    reference = schema.get("$ref")
    return root["$defs"][reference.rpartition("/")[2]] if reference else schema


def _list_allowed(schema: Schema) -> list[Any]:
    """Return the constants that a schema allows."""
    allowed = list(schema.get("enum", []))
    for part in schema.get("anyOf", []):
        allowed.extend([part["const"]] if "const" in part else part.get("enum", []))
    return allowed


def _accepts(value: Any, schema: Schema) -> bool:
    """Return whether a value fits a schema that refers to no others."""
    return bool(_make_validator({k: v for k, v in schema.items() if k != "else"}).is_valid(value))


def _suggest_value(value: Any, schema: Schema) -> str | None:
    """Return what was probably meant by a value, as a config would write it."""
    if isinstance(value, float) and value.is_integer() and _accepts(int(value), schema):
        return str(int(value))
    if not isinstance(value, str):
        return None
    allowed = _list_allowed(schema)
    names = [name for name in allowed if isinstance(name, str)]
    if suggestion := suggest_name(value, names):
        return repr(suggestion)
    literals = {"none": None, "null": None, "true": True, "yes": True, "on": True}
    literals |= {"false": False, "no": False, "off": False}
    meant = literals.get(value.lower(), value)
    if meant is value:
        meant = _read_number(value)
    if meant is not value and _accepts(meant, schema):
        return f"{show_value(meant)}, without quotes"
    return None


def _read_number(text: str) -> Any:
    """Return the number that a text holds, or the text itself."""
    for read in (int, float):
        try:
            return read(text[:MAX_SHOWN])
        except ValueError:
            continue
    return text
