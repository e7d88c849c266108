"""Types of values: a phrase such as `positive integer or null` as a JSON Schema.

The catalogue and the sections say what a key takes in these words, and the same words tell the
user what was expected.
"""

import re
from typing import Any

from framework.config.violations import join_words

Schema = dict[str, Any]

LARGEST = 2**31 - 1
"""Keras and NumPy keep sizes and positions in 32 bits in places."""

LARGEST_SIZE = 2**16
"""Units or filters of one layer: more are a mistake, and would not fit into memory."""

LARGEST_IMAGE = 4096
"""Rows or columns: a network would need tens of gigabytes for one larger image."""

LARGEST_SEED = 2**32 - 1
"""As NumPy's legacy generators take it."""

DTYPES = ("bfloat16", "float16", "float32", "float64", "mixed_bfloat16", "mixed_float16")


def _integer(minimum: int, maximum: int = LARGEST, title: str | None = None) -> Schema:
    schema: Schema = {"type": "integer", "minimum": minimum, "maximum": maximum}
    return schema | ({"title": title} if title else {})


WORDS: dict[str, Schema] = {
    "boolean": {"type": "boolean", "title": "true or false"},
    "integer": _integer(-LARGEST),
    "positive integer": _integer(1),
    "non-negative integer": _integer(0),
    "integer above 1": _integer(2),
    "size": _integer(1, LARGEST_SIZE, f"a positive integer up to {LARGEST_SIZE}"),
    "pixels": _integer(1, LARGEST_IMAGE, f"an integer between 1 and {LARGEST_IMAGE}"),
    "number": {"type": "number"},
    "positive number": {"type": "number", "exclusiveMinimum": 0},
    "non-negative number": {"type": "number", "minimum": 0},
    "non-positive number": {"type": "number", "maximum": 0},
    "fraction": {
        "type": "number",
        "minimum": 0,
        "maximum": 1,
        "title": "a number between 0 and 1",
    },
    "rate": {
        "type": "number",
        "minimum": 0,
        "exclusiveMaximum": 1,
        "title": "a number of at least 0 and below 1",
    },
    "share": {
        "type": "number",
        "exclusiveMinimum": 0,
        "exclusiveMaximum": 1,
        "title": "a number between 0 and 1, both excluded",
    },
    "seed": _integer(0, LARGEST_SEED, f"an integer between 0 and {LARGEST_SEED}"),
    "string": {"type": "string", "minLength": 1},
    "monitor": {"type": "string", "minLength": 1, "title": "the name of a measured value"},
    "path in the run directory": {
        "type": "string",
        "minLength": 1,
        "title": "a path relative to the run directory",
    },
    "dtype": {"enum": list(DTYPES), "title": "a type of numbers"},
    "null": {"type": "null", "title": "null"},
}

_COUNTED = re.compile(r"(\d+) (.+)")


def make_type_schema(phrase: str) -> Schema:
    """Return the JSON Schema of a phrase of plain words.

    Args:
        phrase: Alternatives joined by ` or `: a word of `WORDS`, `'text'` or `0` for a constant,
            `2 positive integers`, `list of numbers`, `2 pairs of integers`.

    Returns:
        A schema whose `title` continues the sentence "expected ...".

    Raises:
        KeyError: A word is not defined.
    """
    alternatives = phrase.split(" or ")
    constants = [_parse_constant(part) for part in alternatives]
    title = join_words([_describe_type(part) for part in alternatives])
    if None not in constants:
        values = [constant[0] for constant in constants if constant]
        whole = {"type": "integer"} if all(isinstance(value, int) for value in values) else {}
        return whole | {"enum": values, "title": title}
    schemas = [
        {"const": constant[0]} if constant else _make_part(part)
        for part, constant in zip(alternatives, constants, strict=True)
    ]
    if len(schemas) == 1:
        return {"title": title} | schemas[0]
    return {"anyOf": schemas, "title": title}


def _describe_type(part: str) -> str:
    """Return one alternative with its article: `a positive integer`."""
    if part in WORDS and "title" in WORDS[part]:
        return str(WORDS[part]["title"])
    if _parse_constant(part):
        return part
    if match := _COUNTED.fullmatch(part):
        return f"a list of {match[1]} {match[2]}"
    return f"{'an' if part[0] in 'aeiou' else 'a'} {part}"


def _parse_constant(part: str) -> tuple[Any] | None:
    """Return the constant that a part stands for, in a tuple, if it is one."""
    if part == "null":
        return (None,)
    if part.isdigit():
        return (int(part),)
    return (part.strip("'"),) if part.startswith("'") else None


def _make_part(part: str) -> Schema:
    """Return the schema of one alternative that is no constant."""
    if part in WORDS:
        return WORDS[part]
    if part.startswith("list of "):
        return {"type": "array", "items": _make_part(part[len("list of ") : -1]), "minItems": 1}
    if match := _COUNTED.fullmatch(part):
        count, items = int(match[1]), match[2].replace("pairs of ", "2 ")
        items = items if items.startswith("2 ") else items.removesuffix("s")
        return {"type": "array", "items": _make_part(items), "minItems": count, "maxItems": count}
    raise KeyError(f"no type of value is called {part!r}")
