"""Work on many files, as many at a time as there are cores."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

WORKERS = os.cpu_count() or 1


def bounded_map(
    pool: ThreadPoolExecutor,
    function: Callable[[Item], Result],
    items: Sequence[Item],
    width: int = WORKERS,
) -> Iterator[Result]:
    """As `pool.map`, but a few at a time: bounded in memory, and quick to interrupt."""
    for first in range(0, len(items), width):
        yield from pool.map(function, items[first : first + width])
