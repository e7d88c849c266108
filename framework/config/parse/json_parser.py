"""JSON with the place of every value, and errors that say what to change."""

from __future__ import annotations

import json
import re

from framework.config.parse.document import (
    MAX_DEPTH,
    TOO_DEEP,
    LineIndex,
    Location,
    ParsedText,
    TextError,
)

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
    """Note the place of every value of a text that is known to be JSON."""
    path: list[str | int] = []  # One entry per open object or list: the present key or index.
    opened: list[str] = []
    key: tuple[int, int] | None = None
    previous = ""
    for match in _TOKEN.finditer(text):
        token, place = match[1], lines.locate(match.start(1))
        if token in "}]":
            opened.pop()
            path.pop()
        elif token == ",":
            if opened[-1] == "[":
                path[-1] = int(path[-1]) + 1
        elif token == ":":
            pass
        elif opened and opened[-1] == "{" and previous in "{,":
            path[-1], key = json.loads(token), place
            if tuple(path) in parsed.places:
                parsed.note_double_key(tuple(path), place)
        else:
            if token in NOT_JSON:
                message = f"JSON has no {token}: expected a finite number"
                parsed.slips.append(TextError(message, place, tuple(path)))
            parsed.places[tuple(path)] = Location(place, key)
            key = None
            if token in "{[":
                opened.append(token)
                path.append(0 if token == "[" else "")
                if len(path) > MAX_DEPTH:
                    raise TextError(TOO_DEEP)
        previous = token


def _explain_error(text: str, error: json.JSONDecodeError, lines: LineIndex) -> TextError:
    """Return the likely slip behind a JSON error, with its place."""
    before = text[: error.pos].rstrip()
    after = text[error.pos :].lstrip()
    offset = len(text) - len(after)
    if before.endswith(",") and after[:1] in tuple("}]"):
        return TextError("JSON allows no comma after the last entry", lines.locate(len(before) - 1))
    if after.startswith(",") and after[1:].lstrip()[:1] in tuple("}]"):
        return TextError("JSON allows no comma after the last entry", lines.locate(offset))
    place = lines.locate(min(offset, len(text)))
    if not after:
        return TextError("the text ends too early: a bracket or a quote is not closed", place)
    if error.msg.startswith("Expecting ',' delimiter") and after[:1] not in tuple("/#"):
        return TextError("expected a comma, or the closing bracket, before this", place)
    for pattern, remedy in _REMEDIES:
        if error.msg.startswith("Expecting") and pattern.match(after):
            return TextError(remedy, place)
    if error.msg.startswith("Extra data"):
        return TextError("expected the end of the text after the last closing bracket", place)
    return TextError(f"not valid JSON: {error.msg[:1].lower()}{error.msg[1:]}", place)
