"""The errors whose messages are written for the user."""

from collections.abc import Sequence
from dataclasses import dataclass


class FrameworkError(Exception):
    """Base of every error whose message is written for the user.

    The command line prints the message alone, without a traceback, and ends
    with `exit_code`.
    """

    exit_code = 1

    def _render_traceback_(self) -> list[str]:
        """Return what IPython, and so a notebook, prints of an error that nobody catches."""
        return [f"{type(self).__name__}: {self}"]


class RunError(FrameworkError):
    """The run failed: data, weights, disk. Ends with exit code 1."""


class DivergedError(RunError):
    """The loss was NaN or infinite; resuming would end the same way."""


class InterruptedRunError(FrameworkError):
    """The user interrupted the run, and can resume it. Ends with exit code 130."""

    exit_code = 130


class UsageError(FrameworkError):
    """The command line is wrong. Ends with exit code 2."""

    exit_code = 2


@dataclass(frozen=True)
class Problem:
    """A problem of a config.

    Args:
        path: Dotted path of the value, such as `training_config.epochs`.
        message: The rule, what was found, and the likely intention, in
            sentences: `"expected a backbone. Found 'VGG61'. Did you mean 'VGG16'?"`.
        source: The file the value came from, or the command-line option.
        line: Line in the file, counted from 1. `None` for an option.
        column: Column in the file, counted from 1. `None` for an option.
    """

    path: str
    message: str
    source: str = "config"
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        location = "" if self.line is None else f"{self.line}:{self.column}  "
        path = f"{self.path}: " if self.path else ""
        return f"{location}{path}{self.message}"


class ConfigError(FrameworkError):
    """The config is wrong; the message lists all its problems, grouped by file.

    Ends with exit code 2.

    Args:
        problems: All of them.
    """

    exit_code = 2

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        by_source: dict[str, list[Problem]] = {}
        for problem in self.problems:
            by_source.setdefault(problem.source, []).append(problem)
        lines = []
        for source, found in by_source.items():
            noun = "problem" if len(found) == 1 else "problems"
            lines.append(f"{source}: {len(found)} {noun}")
            lines.extend(f"  {problem}" for problem in found)
        super().__init__("\n".join(lines))


def first_sentence(error: Exception) -> str:
    """Return the first sentence of a library's message, on one line, with a full stop."""
    text = " ".join(str(error).split())
    return text.split(". ")[0].rstrip(".") + "."
