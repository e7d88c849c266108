"""What a parser makes of a text: values, the location of each, and errors."""

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Any

from framework.config.source_map import KeyPath, Location, Position

MAX_DEPTH = 60
"""Deeper nesting than any config needs, and well below Python's recursion limit."""

TOO_DEEP = f"nested more than {MAX_DEPTH} levels deep"


class TextError(Exception):
    """A text is not what its format asks for.

    Args:
        message: What is wrong, in sentences.
        position: Where, if known.
        path: The keys that lead there, if known.
    """

    def __init__(self, message: str, position: Position | None = None, path: KeyPath = ()) -> None:
        super().__init__(message)
        self.message, self.position, self.path = message, position, path


@dataclass
class ParsedText:
    """The values of a text, the location of each, and the errors that did not stop the parser."""

    values: Any
    locations: dict[KeyPath, Location] = field(default_factory=dict)
    errors: list[TextError] = field(default_factory=list)

    def note_double_key(self, path: KeyPath, position: Position) -> None:
        """Note that a key appears again; its first location is known."""
        first = self.locations[path].key
        where = f" Line {first[0]} has it first." if first else ""
        self.errors.append(TextError(f"the key appears twice.{where}", position, path))
        depth = len(path)  # What is inside the value that comes now is not there twice.
        self.locations = {p: at for p, at in self.locations.items() if p[:depth] != path}


class LineIndex:
    """Turns an offset in a text into a position."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def locate(self, offset: int) -> Position:
        """Return line and column of an offset."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1
