"""Timing of the phases of a run."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Timer:
    """Adds up the seconds of named phases.

    Args:
        started: When the phase `start` began, which ends now, by `time.perf_counter`.

    Attributes:
        seconds: Phase -> wall-clock seconds.
    """

    def __init__(self, started: float | None = None) -> None:
        self.seconds: dict[str, float] = {}
        if started is not None:  # Imports and checks.
            self.seconds["start"] = round(time.perf_counter() - started, 3)

    @contextmanager
    def measure(self, phase: str) -> Iterator[None]:
        """Add the time of the body to a phase."""
        started = time.perf_counter()
        try:
            yield
        finally:
            elapsed = time.perf_counter() - started
            self.seconds[phase] = round(self.seconds.get(phase, 0.0) + elapsed, 3)
