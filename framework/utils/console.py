"""Logging: messages on the console, and more of them in `run.log`."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import Any, TextIO

logger = logging.getLogger("framework")


class _ConsoleHandler(logging.StreamHandler[TextIO]):
    """Writes through tqdm, so that a line does not tear a progress bar apart."""

    def emit(self, record: logging.LogRecord) -> None:
        from tqdm import tqdm

        tqdm.write(self.format(record), file=sys.stdout)
        sys.stdout.flush()

    def format(self, record: logging.LogRecord) -> str:
        """Return the message; on a terminal tables are in color, and warnings are yellow."""
        if not _has_colors():
            return super().format(record)
        shown = copy(record)
        shown.args = tuple(_render(argument) for argument in tuple(record.args or ()))
        text = super().format(shown)
        return f"\x1b[33m{text}\x1b[0m" if record.levelno == logging.WARNING else text


def show(text: str) -> None:
    """Print a text; a `ConsoleText` in color if standard output is a terminal."""
    print(_render(text) if _has_colors() else text)


def _has_colors() -> bool:
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ


def _render(value: Any) -> Any:
    # By its method, since the module of tables imports rich, which few commands need.
    render = getattr(value, "render", None)
    return render() if render else value


def start_console() -> None:
    """Send the framework's messages to standard output, once.

    Call it before anything imports tqdm, which reads its settings then: without a terminal
    its bars are updated every ten seconds only.
    """
    if not sys.stderr.isatty():
        os.environ.setdefault("TQDM_MININTERVAL", "10")
    logger.setLevel(logging.DEBUG)
    if not logger.handlers:
        console = _ConsoleHandler()
        console.setLevel(logging.INFO)
        logger.addHandler(console)


class _LogFileHandler(logging.FileHandler):
    """A log file that ends silently when the disk is full: the results come first."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (logging's name)
        """Drop the message: writing the results will report that the disk is full."""


@contextmanager
def quiet_console(loud: str) -> Iterator[None]:
    """Hide the body's messages on the console, except warnings and those of some loggers.

    A warning is shown once. Files get all messages.

    Args:
        loud: Name of the loggers, with those below it, whose messages are all shown.
    """
    shown: set[str] = set()

    def passes(record: logging.LogRecord) -> bool:
        if record.name.startswith(loud):
            return True
        new = record.levelno >= logging.WARNING and record.getMessage() not in shown
        shown.add(record.getMessage())
        return new

    consoles = [handler for handler in logger.handlers if isinstance(handler, _ConsoleHandler)]
    for console in consoles:
        console.addFilter(passes)
    try:
        yield
    finally:
        for console in consoles:
            console.removeFilter(passes)


@contextmanager
def record_log(path: Path) -> Iterator[None]:
    """Write all messages of the body to a file too, with their times."""
    file = _LogFileHandler(path, encoding="utf-8")
    file.setFormatter(logging.Formatter("%(asctime)s  %(levelname)-7s  %(name)s  %(message)s"))
    logger.addHandler(file)
    try:
        yield
    finally:
        logger.removeHandler(file)
        file.close()
