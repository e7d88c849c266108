"""Parallel work on many items with bounded memory."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

WORKERS = os.cpu_count() or 1


def bounded_map(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    ahead: int = WORKERS,
    workers: int = WORKERS,
) -> Iterator[Result]:
    """Map in threads, in order: bounded in memory, and quick to interrupt.

    Args:
        function: What to call.
        items: Its arguments, taken one by one.
        ahead: How many calls beyond the one whose result is yielded may have been started.
        workers: How many threads call it.
    """
    pending: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for item in items:
                pending.append(pool.submit(function, item))
                if len(pending) > ahead:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()
