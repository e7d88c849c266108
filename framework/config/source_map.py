"""Where each value of a config came from: a line of a file, or an option."""

from __future__ import annotations

from typing import NamedTuple

from framework.errors import Problem

KeyPath = tuple[str | int, ...]
"""Where a value is in a config: the keys and list indices that lead to it."""

Position = tuple[int, int]
"""A line and a column of a text, counted from 1."""

MAX_KEY = 60
"""Characters of a key that a problem's path shows."""


class Location(NamedTuple):
    """Where a value and its key stand in a text."""

    value: Position
    key: Position | None = None


def join_path(path: KeyPath) -> str:
    """Return a path with dots, as `--set` takes it; what no terminal shows is escaped."""
    keys = [str(key) if str(key).isprintable() else ascii(key) for key in path]
    return ".".join(map(shorten_key, keys))


def shorten_key(key: str) -> str:
    """Return a key as a message shows it, even if it is far too long for a name."""
    return key if len(key) <= MAX_KEY else f"{key[: MAX_KEY - 4]} ..."


class SourceMap:
    """The source and the location of every value, kept while configs are merged.

    Args:
        source: The file, or what problems call the place that the values come from.
        locations: The location of each value in that file.

    Attributes:
        problems: Those of the texts themselves, such as a key that appears twice.
    """

    def __init__(self, source: str, locations: dict[KeyPath, Location] | None = None) -> None:
        self.source = source
        self.problems: list[Problem] = []
        self._known: dict[KeyPath, tuple[str, Location | None]] = {
            path: (source, location) for path, location in (locations or {}).items()
        }

    def make_problem(self, path: KeyPath, message: str, at_key: bool = False) -> Problem:
        """Return a problem that points at the value, or the key, at `path`.

        If there is no such value, it points at the innermost object around it.
        """
        dotted = join_path(path)
        for depth in range(len(path), -1, -1):
            if path[:depth] in self._known:
                source, location = self._known[path[:depth]]
                if location is None:
                    return Problem(dotted, message, source)
                exact = depth == len(path)
                position = location.key if at_key and exact and location.key else location.value
                return Problem(dotted, message, source, *position)
        return Problem(dotted, message, self.source)

    def contains(self, path: KeyPath) -> bool:
        """Return whether the value at `path`, or one in it, was given."""
        return any(known[: len(path)] == path for known in self._known)

    def copy(self) -> SourceMap:
        """Return a copy that can be changed without changing this one."""
        copied = SourceMap(self.source)
        copied.problems, copied._known = list(self.problems), dict(self._known)
        return copied

    def replace(self, path: KeyPath, other: SourceMap, there: KeyPath | None = None) -> None:
        """Take over where the value at `path`, and all in it, comes from.

        Args:
            path: The value.
            other: Knows where it comes from.
            there: Its path in `other`; by default the same path.
        """
        there = path if there is None else there
        self.forget(path)
        depth = len(there)
        self._known.update(
            ((*path, *p[depth:]), known) for p, known in other._known.items() if p[:depth] == there
        )

    def point_at_key(self, path: KeyPath, other: SourceMap, there: KeyPath) -> None:
        """Let problems with the key at `path` point at a key that stands for it.

        Also those with keys on the way to it that are nowhere else.

        Args:
            path: The value whose key is meant.
            other: Knows the other key.
            there: The path of the other key.
        """
        source, location = other._known.get(there, (other.source, None))
        if location is None or location.key is None:
            return
        for depth in range(1, len(path)):
            self._known.setdefault(path[:depth], (source, Location(location.key, location.key)))
        _, own = self._known.get(path, (source, None))
        self._known[path] = (source, Location(own.value if own else location.value, location.key))

    def set_location(self, path: KeyPath, other: SourceMap) -> None:
        """Take over where the object at `path` comes from, but not what is in it."""
        if path in other._known:
            self._known[path] = other._known[path]

    def set_option(self, path: KeyPath, option: str) -> None:
        """Note that the value at `path`, and all in it, was given by an option.

        So were the objects around it that are nowhere else.
        """
        self.forget(path)
        for depth in range(1, len(path)):
            self._known.setdefault(path[:depth], (option, None))
        self._known[path] = (option, None)

    def forget(self, path: KeyPath) -> None:
        """Drop what is known of the value at `path` and of all in it."""
        depth = len(path)
        self._known = {p: known for p, known in self._known.items() if p[:depth] != path}
