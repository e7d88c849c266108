"""JSON with the location of every value, and errors that say what to change."""

import json
import re

from framework.config.parse.parsed_text import (
    MAX_DEPTH,
    TOO_DEEP,
    LineIndex,
    ParsedText,
    TextError,
)
from framework.config.source_map import Location, Position

_TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+)')

NOT_JSON = ("NaN", "Infinity", "-Infinity")
"""Numbers that Python reads and the standard does not know."""

_REMEDIES = (
    (re.compile(r"//|/\*|#"), "JSON has no comments: remove it, or write the config in YAML"),
    (re.compile(r"'"), 'JSON puts strings in double quotes: "..."'),
    (re.compile(r"(True|False)\b"), "JSON writes true and false in lower case"),
    (re.compile(r"(None|Null|NULL)\b"), "JSON writes null for nothing"),
    (re.compile(r"[+.]\d|[+-]\.|0\d"), "JSON writes numbers as 0.5 or -3, without leading + or 0"),
    (re.compile(r"[A-Za-z_]"), 'JSON puts names and strings in double quotes: "..."'),
)


def parse_json(text: str) -> ParsedText:
    """Parse a JSON text.

    Raises:
        TextError: The text is not JSON, or is nested too deep.
    """
    lines = LineIndex(text)
    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        raise _explain_error(text, error, lines) from None
    except RecursionError:
        raise TextError(TOO_DEEP) from None
    except ValueError:  # Python reads no integer of more than 4,300 digits.
        raise TextError("a number has too many digits") from None
    parsed = ParsedText(values)
    _locate_values(text, lines, parsed)
    return parsed


def _locate_values(text: str, lines: LineIndex, parsed: ParsedText) -> None:
    """Note the location of every value of a text that is known to be JSON."""
    path: list[str | int] = []  # One entry per open object or list: the present key or index.
    opened: list[str] = []
    key: Position | None = None
    previous = ""
    for match in _TOKEN.finditer(text):
        token, position = match[1], lines.locate(match.start(1))
        if token in "}]":
            opened.pop()
            path.pop()
        elif token == ",":
            if opened[-1] == "[":
                path[-1] = int(path[-1]) + 1
        elif token == ":":
            pass
        elif opened and opened[-1] == "{" and previous in "{,":
            path[-1], key = json.loads(token), position
            if tuple(path) in parsed.locations:
                parsed.note_double_key(tuple(path), position)
        else:
            if token in NOT_JSON:
                message = f"JSON has no {token}: expected a finite number"
                parsed.errors.append(TextError(message, position, tuple(path)))
            parsed.locations[tuple(path)] = Location(position, key)
            key = None
            if token in "{[":
                opened.append(token)
                path.append(0 if token == "[" else "")
                if len(path) > MAX_DEPTH:
                    raise TextError(TOO_DEEP)
        previous = token


def _explain_error(text: str, error: json.JSONDecodeError, lines: LineIndex) -> TextError:
    """Return the likely mistake behind a JSON error, with its position."""
    before = text[: error.pos].rstrip()
    after = text[error.pos :].lstrip()
    offset = len(text) - len(after)
    if before.endswith(",") and after[:1] in tuple("}]"):
        return TextError("JSON allows no comma after the last entry", lines.locate(len(before) - 1))
    if after.startswith(",") and after[1:].lstrip()[:1] in tuple("}]"):
        return TextError("JSON allows no comma after the last entry", lines.locate(offset))
    position = lines.locate(min(offset, len(text)))
    if not after:
        return TextError("the text ends too early: a bracket or a quote is not closed", position)
    if error.msg.startswith("Expecting ',' delimiter") and after[:1] not in tuple("/#"):
        return TextError("expected a comma, or the closing bracket, before this", position)
    for pattern, remedy in _REMEDIES:
        if error.msg.startswith("Expecting") and pattern.match(after):
            return TextError(remedy, position)
    if error.msg.startswith("Extra data"):
        return TextError("expected the end of the text after the last closing bracket", position)
    return TextError(f"not valid JSON: {error.msg[:1].lower()}{error.msg[1:]}", position)
