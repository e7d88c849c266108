"""Timing of the phases of a run."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Timer:
    """Adds up the seconds of named phases.

    Attributes:
        seconds: Phase -> wall-clock seconds.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def measure(self, phase: str) -> Iterator[None]:
        """Add the time of the body to a phase."""
        started = time.perf_counter()
        try:
            yield
        finally:
            elapsed = time.perf_counter() - started
            self.seconds[phase] = round(self.seconds.get(phase, 0.0) + elapsed, 3)
