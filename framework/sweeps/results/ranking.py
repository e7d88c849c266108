"""The trials of a sweep, the best first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from optuna.trial import FrozenTrial

from framework.config.reserved_files import RANKING, TRIALS
from framework.sweeps.definition.search_space import Parameter
from framework.sweeps.parameter_names import dump_parameter, format_parameter, shorten_paths
from framework.sweeps.study import OWNER, STATES
from framework.utils.tables import ConsoleText, TextTable, format_csv

_MAX_ROWS = 20


@dataclass(frozen=True)
class Row:
    """A trial as the ranking shows it.

    Args:
        trial: Its index.
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


def rank_trials(trials: Mapping[int, FrozenTrial], directory: Path, minimized: bool) -> list[Row]:
    """Return the trials, the best first; of equals the earlier one.

    Args:
        trials: Optuna's trials by their index in the sweep.
        directory: Of the sweep.
        minimized: Whether lower values are better.
    """

    def order(row: Row) -> tuple[int, float, int]:
        value = row.value if row.value is not None else 0.0
        return list(STATES).index(row.state), value if minimized else -value, row.trial

    return sorted((_make_row(i, trial, directory) for i, trial in trials.items()), key=order)


def _make_row(index: int, trial: FrozenTrial, directory: Path) -> Row:
    names = {state: name for name, state in STATES.items()}
    owner = Path(trial.user_attrs[OWNER]["directory"])
    sweep_directory = directory if owner == directory.resolve() else owner
    return Row(
        trial=index,
        state=names.get(trial.state, "running"),  # A stale trial waits for its restart.
        value=trial.value,
        parameters=trial.params,
        directory=sweep_directory / TRIALS / f"{index:04d}",
        seconds=round(trial.duration.total_seconds(), 1) if trial.duration else None,
        message=trial.user_attrs.get("message", ""),
    )


def format_ranking(rows: Sequence[Row], metric: str) -> str:
    """Return the ranking as a table for the console, of at most 20 trials."""
    names = shorten_paths(list(rows[0].parameters))
    lines = [["trial", metric, *names.values(), "state"]]
    for row in rows[:_MAX_ROWS]:
        value = "" if row.value is None else f"{row.value:.4g}"
        parameters = [format_parameter(row.parameters.get(path)) for path in names]
        lines.append([f"{row.trial:04d}", value, *parameters, row.state])
    rest = len(rows) - _MAX_ROWS
    more = f"... and {rest} more in {RANKING}" if rest > 0 else ""
    table = TextTable(lines, right=range(1, len(lines[0]) - 1))
    return ConsoleText(table, more, separator="\n")


def format_ranking_csv(rows: Sequence[Row], metric: str) -> str:
    """Return the ranking as CSV, with the whole paths of the keys."""
    paths = list(dict.fromkeys(path for row in rows for path in row.parameters))
    return format_csv(
        ["rank", "trial", "state", metric, "seconds", *paths, "directory", "message"],
        (
            [
                rank,
                row.trial,
                row.state,
                row.value,
                row.seconds,
                *(dump_parameter(row.parameters.get(path)) for path in paths),
                row.directory,
                row.message,
            ]
            for rank, row in enumerate(rows, start=1)
        ),
    )
