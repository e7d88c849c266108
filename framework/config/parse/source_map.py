"""Where each value of a config came from: a line of a file, or an option."""

from __future__ import annotations

from framework.config.parse.document import KeyPath, Location, join_path
from framework.errors import Problem


class SourceMap:
    """The source and place of every value, kept while configs are merged.

    `problems` are those of the texts themselves, such as a key that appears twice.
    """

    def __init__(self, source: str, places: dict[KeyPath, Location] | None = None) -> None:
        self.source = source
        self.problems: list[Problem] = []
        self._known: dict[KeyPath, tuple[str, Location | None]] = {
            path: (source, place) for path, place in (places or {}).items()
        }

    def make_problem(self, path: KeyPath, message: str, at_key: bool = False) -> Problem:
        """Return a problem that points at the value, or the key, at `path`.

        If there is no such value, it points at the innermost object around it
        that is there.
        """
        dotted = join_path(path)
        for depth in range(len(path), -1, -1):
            if path[:depth] in self._known:
                source, place = self._known[path[:depth]]
                if place is None:
                    return Problem(dotted, message, source)
                exact = depth == len(path)
                line, column = place.key if at_key and exact and place.key else place.value
                return Problem(dotted, message, source, line, column)
        return Problem(dotted, message, self.source)

    def copy(self) -> SourceMap:
        """Return origins of their own."""
        copied = SourceMap(self.source)
        copied.problems, copied._known = list(self.problems), dict(self._known)
        return copied

    def replace(self, path: KeyPath, origins: SourceMap, there: KeyPath | None = None) -> None:
        """Take over where the value at `path`, and all in it, comes from.

        Args:
            path: The value.
            origins: Know where it comes from.
            there: What they call the value; by default the same path.
        """
        there = path if there is None else there
        self.forget(path)
        depth = len(there)
        self._known.update(
            ((*path, *p[depth:]), origin)
            for p, origin in origins._known.items()
            if p[:depth] == there
        )

    def point_at_key(self, path: KeyPath, origins: SourceMap, there: KeyPath) -> None:
        """Let problems with the key at `path` point at a key that stands for it.

        Also those with keys on the way to it that are nowhere else.

        Args:
            path: The value whose key is meant.
            origins: Know the other key.
            there: The path of the other key.
        """
        source, place = origins._known.get(there, (origins.source, None))
        if place is None or place.key is None:
            return
        for depth in range(1, len(path)):
            self._known.setdefault(path[:depth], (source, Location(place.key, place.key)))
        _, own = self._known.get(path, (source, None))
        self._known[path] = (source, Location(own.value if own else place.value, place.key))

    def set_place(self, path: KeyPath, origins: SourceMap) -> None:
        """Take over where the object at `path` comes from, but not what is in it."""
        if path in origins._known:
            self._known[path] = origins._known[path]

    def set_option(self, path: KeyPath, option: str) -> None:
        """Note that the value at `path`, and all in it, was given by an option."""
        self.forget(path)
        self._known[path] = (option, None)

    def forget(self, path: KeyPath) -> None:
        """Drop what is known of the value at `path` and of all in it."""
        depth = len(path)
        self._known = {p: origin for p, origin in self._known.items() if p[:depth] != path}
