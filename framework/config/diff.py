"""Where two configs differ."""

from __future__ import annotations

from typing import Any


def list_changes(before: Any, after: Any, path: str = "") -> list[str]:
    """Return where two resolved configs differ, by dotted path."""
    if isinstance(before, dict) and isinstance(after, dict):
        return [
            change
            for key in dict.fromkeys([*before, *after])
            for change in list_changes(before.get(key), after.get(key), f"{path}.{key}".strip("."))
        ]
    return [] if before == after else [f"{path}: {before!r} before, {after!r} now"]
