"""A config file as values, each with its place in the file."""

from __future__ import annotations

import difflib
import re
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from framework.errors import ConfigError, Problem

KeyPath = tuple[str | int, ...]
"""Where a value is in a config: the keys and list indices that lead to it."""

MAX_BYTES = 5_000_000
MAX_DEPTH = 60
"""Deeper nesting than any config needs, and well below Python's recursion limit."""

TOO_DEEP = f"nested more than {MAX_DEPTH} levels deep"


MAX_KEY = 60
"""Characters of a key that a problem's path shows."""


def join_path(path: KeyPath) -> str:
    """Return a path with dots, as `--set` takes it; what no terminal shows is escaped."""
    keys = [str(key) if str(key).isprintable() else ascii(key) for key in path]
    return ".".join(key if len(key) <= MAX_KEY else f"{key[: MAX_KEY - 4]} ..." for key in keys)


class Location(NamedTuple):
    """Where a value and its key stand in a text: line and column, counted from 1."""

    value: tuple[int, int]
    key: tuple[int, int] | None = None


class TextError(Exception):
    """A text is not what its format asks for.

    Args:
        message: What is wrong, in sentences.
        place: Line and column, counted from 1, if known.
        path: The keys that lead to the place, if known.
    """

    def __init__(
        self, message: str, place: tuple[int, int] | None = None, path: KeyPath = ()
    ) -> None:
        super().__init__(message)
        self.message, self.place, self.path = message, place, path


@dataclass
class ParsedText:
    """The values of a text, the place of each, and what is wrong but did not stop the parsing."""

    values: Any
    places: dict[KeyPath, Location] = field(default_factory=dict)
    slips: list[TextError] = field(default_factory=list)

    def note_double_key(self, path: KeyPath, place: tuple[int, int]) -> None:
        """Note that a key appears again; its first place is known."""
        first = self.places[path].key
        where = f" Line {first[0]} has it first." if first else ""
        self.slips.append(TextError(f"the key appears twice.{where}", place, path))
        depth = len(path)  # What is inside the value that comes now is not there twice.
        self.places = {p: at for p, at in self.places.items() if p[:depth] != path}


@dataclass(frozen=True)
class Document:
    """The values of a config file, the place of each, and what is wrong with its text."""

    values: dict[str, Any]
    places: dict[KeyPath, Location]
    source: str
    problems: tuple[Problem, ...] = ()


class LineIndex:
    """Turns an offset in a text into a line and a column."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def locate(self, offset: int) -> tuple[int, int]:
        """Return line and column of an offset, both counted from 1."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1


def read_document(path: Path, source: str | None = None) -> Document:
    """Read a JSON or YAML file, told by its ending.

    Args:
        path: The file.
        source: What problems call the file; `None` for the path as given.

    Raises:
        ConfigError: The file can't be read, or is not what its ending says.
    """
    source = source or str(path)
    try:
        text = _read_text(path)
        parse = _find_parser(path)
        if not text.strip():
            raise TextError("the file is empty. Expected a config")
        parsed = parse(text)
        if not isinstance(parsed.values, dict):
            found = _name_type(parsed.values)
            raise TextError(f"expected an object with sections. Found {found}", (1, 1))
    except TextError as error:
        raise ConfigError([_make_problem(error, source)]) from None
    problems = tuple(_make_problem(slip, source) for slip in parsed.slips)
    return Document(parsed.values, parsed.places, source, problems)


def _make_problem(error: TextError, source: str) -> Problem:
    """Return the problem of a text that an error tells of."""
    line, column = error.place or (None, None)
    return Problem(join_path(error.path), error.message, source, line, column)


def _find_parser(path: Path) -> Callable[[str], ParsedText]:
    """Return the function that parses files with the ending of `path`."""
    if path.suffix.lower() == ".json":
        from framework.config.parse.json_parser import parse_json

        return parse_json
    if path.suffix.lower() in (".yaml", ".yml"):
        from framework.config.parse.yaml_parser import parse_yaml

        return parse_yaml
    raise TextError("expected a file that ends in .json, .yaml or .yml")


def _read_text(path: Path) -> str:
    """Return a file's text; raises TextError with the reason if there is none."""
    try:
        if path.is_dir():
            raise TextError("this is a directory. Expected a config file")
        if path.exists() and not path.is_file():
            raise TextError("this is no regular file. Expected a config file")
        if path.stat().st_size > MAX_BYTES:
            raise TextError(
                f"the file is larger than {MAX_BYTES // 1_000_000} MB. Expected a config"
            )
        return path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except FileNotFoundError:
        raise TextError("no such file." + _suggest_file(path)) from None
    except UnicodeDecodeError as error:
        raise TextError(
            f"expected UTF-8 text. Found the byte 0x{error.object[error.start]:02x} "
            f"at offset {error.start}"
        ) from None
    except (OSError, ValueError) as error:  # ValueError: a path with a null character.
        reason = getattr(error, "strerror", None) or str(error)
        raise TextError(f"the file can't be read: {reason}") from None


def _suggest_file(path: Path) -> str:
    """Return the question whether a config of a similar name is meant."""
    if not path.parent.is_dir():
        return f" There is no folder '{path.parent}' either"
    endings = (".json", ".yaml", ".yml")
    names = [entry.name for entry in path.parent.iterdir() if entry.suffix in endings]
    close = difflib.get_close_matches(path.name, names, n=1)
    return f" Did you mean '{path.parent / close[0]}'?" if close else ""


def _name_type(value: Any) -> str:
    """Return what a value that is no object is called."""
    return {list: "a list", str: "a text", type(None): "nothing"}.get(type(value), repr(value))
