"""The trials of a sweep, the best first."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from framework.sweeps.definition.search_space import Parameter
from framework.utils.tables import format_table

STATES = ("complete", "pruned", "failed", "running")
"""From those that may win to those that say least."""

_SHOWN = 20
_WIDTH = 24


@dataclass(frozen=True)
class Row:
    """A trial as the ranking shows it.

    Args:
        trial: Its number.
        state: One of `STATES`.
        value: The metric; of a pruned trial that of its last epoch.
        parameters: Dotted path of a key -> its value, or the value's name.
        directory: Its run directory.
        seconds: From its beginning to its end, interruptions included.
        message: Why it is not complete.
    """

    trial: int
    state: str
    value: float | None
    parameters: Mapping[str, Parameter]
    directory: Path
    seconds: float | None
    message: str = ""


def rank_rows(rows: Sequence[Row], minimized: bool) -> list[Row]:
    """Return trials, the best first; of equals the earlier one."""

    def order(row: Row) -> tuple[int, float, int]:
        value = row.value if row.value is not None else 0.0
        return STATES.index(row.state), value if minimized else -value, row.trial

    return sorted(rows, key=order)


def format_ranking(rows: Sequence[Row], metric: str) -> str:
    """Return the ranking as a table for the console; long ones are cut."""
    names = shorten_paths(list(rows[0].parameters))
    lines = [["trial", metric, *names.values(), "state"]]
    for row in rows[:_SHOWN]:
        value = "" if row.value is None else f"{row.value:.4g}"
        parameters = [show_parameter(row.parameters.get(path)) for path in names]
        lines.append([f"{row.trial:04d}", value, *parameters, row.state])
    more = f"\n... and {len(rows) - _SHOWN} more in ranking.csv" if len(rows) > _SHOWN else ""
    return format_table(lines, right=range(1, len(lines[0]) - 1)) + more


def format_ranking_csv(rows: Sequence[Row], metric: str) -> str:
    """Return the ranking as CSV, with the whole paths of the keys."""
    paths = list(dict.fromkeys(path for row in rows for path in row.parameters))
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["rank", "trial", "state", metric, "seconds", *paths, "directory", "message"])
    for rank, row in enumerate(rows, start=1):
        parameters = [_write_parameter(row.parameters.get(path)) for path in paths]
        writer.writerow(
            [rank, row.trial, row.state, row.value, row.seconds, *parameters, row.directory,
             row.message]
        )  # fmt: skip
    return text.getvalue()


def _write_parameter(parameter: Parameter) -> str:
    return parameter if isinstance(parameter, str) else json.dumps(parameter)


def format_parameters(parameters: Mapping[str, Parameter]) -> str:
    """Return a trial's parameters on one line."""
    names = shorten_paths(list(parameters))
    return ", ".join(f"{names[path]} {show_parameter(v)}" for path, v in parameters.items())


def show_parameter(parameter: Parameter) -> str:
    """Return a value as people read it."""
    if isinstance(parameter, float):
        return f"{parameter:.4g}"
    text = _write_parameter(parameter)
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…"


def shorten_paths(paths: Sequence[str]) -> dict[str, str]:
    """Return for each path the fewest of its last words that tell it from the others.

    Words that say nothing, such as `initializing_parameters`, are left out.
    """
    words = {
        path: [word for word in path.split(".") if word != "initializing_parameters"]
        for path in paths
    }
    names = {}
    for path, own in words.items():
        others = [other for another, other in words.items() if another != path]
        count = next(
            (n for n in range(1, len(own)) if all(o[-n:] != own[-n:] for o in others)), len(own)
        )
        names[path] = ".".join(own[-count:])
    return names
