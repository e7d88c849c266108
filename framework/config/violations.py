"""What is wrong with a config's values, in sentences for the user."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from framework.config.source_map import KeyPath
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


def format_mismatch(
    expected: str, found: Any, suggestion: str | None = None, note: str = ""
) -> str:
    """Return `expected a backbone. Found 'VGG61'. Did you mean 'VGG16'?`."""
    question = f" Did you mean {suggestion}?" if suggestion else note
    return f"expected {expected}. Found {format_value(found)}.{question}"


def format_unknown(expected: str, found: str, candidates: Iterable[str], note: str = "") -> str:
    """Return `format_mismatch` with the candidate that a name was probably meant to be."""
    suggestion = suggest_name(found, candidates)
    return format_mismatch(expected, found, suggestion and repr(suggestion), note)


def format_value(value: Any) -> str:
    """Return a value as a message repeats it, shortened."""
    if value is None or isinstance(value, bool):
        text = {None: "null", True: "true", False: "false"}[value]
    elif isinstance(value, dict | list):
        text = _format_collection(value)
    elif isinstance(value, int) and abs(value) > 10**MAX_SHOWN:
        text = f"a number of more than {MAX_SHOWN} digits"
    else:
        text = repr(value)
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 4] + " ..."


def _format_collection(value: dict[str, Any] | list[Any]) -> str:
    """Return a list or an object, without what is deep inside."""
    if not value:
        return "{}" if isinstance(value, dict) else "[]"
    if isinstance(value, dict):
        return f"an object with {', '.join(repr(str(k))[:20] for k in list(value)[:3])}"
    scalars = (str, int, float, type(None))
    items = [format_value(item) if isinstance(item, scalars) else "..." for item in value[:8]]
    return "[" + ", ".join(items + ["..."] * (len(value) > 8)) + "]"


def join_words(words: list[str]) -> str:
    """Return `a, b or c`."""
    return " or ".join([", ".join(words[:-1])] * (len(words) > 1) + words[-1:])
