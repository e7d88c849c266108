"""Finished runs, read back from their directories without TensorFlow."""

import csv
import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from framework.errors import RunError, UsageError
from framework.runs.run_directory import is_finished
from framework.utils.text import hide_passwords

MISSING = "–"
"""What people see where a run lacks a value."""
_METRICS = ("validation", "test", "parameters", "timing")


@dataclass(frozen=True)
class RunRecord:
    """The content of a run directory.

    Args:
        name: Unique among the runs that were loaded together.
        directory: The run directory.
        config: `config.json`.
        environment: `environment.json`.
        metrics: `metrics.json`.
        history: `history.csv`, one row an epoch; cells that are not numbers stay text.
        test_predictions: `predictions_test.csv`: image -> (true class, predicted class).
    """

    name: str
    directory: Path
    config: Mapping[str, Any]
    environment: Mapping[str, Any]
    metrics: Mapping[str, Any]
    history: Sequence[Mapping[str, Any]]
    test_predictions: Mapping[str, tuple[str, str]]

    @property
    def subject(self) -> str:
        """What was trained on what."""
        return str(self.environment.get("subject", MISSING))


def find_runs(paths: Sequence[Path]) -> list[Path]:
    """Find the finished runs at and below some paths, in order and each once.

    Raises:
        UsageError: A path holds no finished run.
    """
    found: dict[Path, Path] = {}
    for path in paths:
        inside = sorted(
            file.parent for file in path.rglob("metrics.json") if is_finished(file.parent)
        )
        if not inside:
            raise UsageError(f"{path}: there is no finished run in it. Name a run directory.")
        for directory in inside:
            found.setdefault(directory.resolve(), directory)
    return list(found.values())


def load_runs(directories: Sequence[Path]) -> list[RunRecord]:
    """Read several runs.

    Raises:
        RunError: A file of a run is missing or damaged.
    """
    parent = find_common_parent(directories)
    return [_load_run(path, path.resolve().relative_to(parent).as_posix()) for path in directories]


def find_common_parent(directories: Sequence[Path]) -> Path:
    """Return the deepest folder that contains all the runs."""
    return Path(os.path.commonpath([path.resolve().parent for path in directories]))


def _load_run(directory: Path, name: str) -> RunRecord:
    test_predictions = _read_csv(directory / "predictions_test.csv", ("index", "true", "predicted"))
    history = directory / "history.csv"
    return RunRecord(
        name=name,
        directory=directory,
        config=_read_json(directory / "config.json"),
        environment=_read_json(directory / "environment.json"),
        metrics=_read_json(directory / "metrics.json", _METRICS),
        history=[
            {key: _read_cell(cell) for key, cell in row.items()}
            # A run that trained nothing has no history.
            for row in (_read_csv(history, ("epoch",)) if history.exists() else ())
        ],
        test_predictions={
            row["index"]: (row["true"], row["predicted"]) for row in test_predictions
        },
    )


def _read_json(path: Path, required: Iterable[str] = ()) -> Mapping[str, Any]:
    with _explain_errors(path):
        values = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(values, dict):
            raise ValueError("it holds no object")
        _check_keys(values, required)
        return values


def _read_csv(path: Path, required: Iterable[str]) -> list[dict[str, str]]:
    with _explain_errors(path), path.open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream, strict=True, restval="")
        rows = list(reader)
        _check_keys(reader.fieldnames or (), required)
        return rows


def _check_keys(found: Collection[str], required: Iterable[str]) -> None:
    if missing := [key for key in required if key not in found]:
        raise ValueError(f"it lacks {', '.join(missing)}")


@contextmanager
def _explain_errors(path: Path) -> Iterator[None]:
    """Turn what goes wrong while the body reads a file into a `RunError`."""
    try:
        yield
    except (OSError, ValueError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise RunError(
            f"{path}: cannot be read: {reason}. Leave this run out, or run it again."
        ) from error


def _read_cell(cell: str) -> float | str:
    try:
        return float(cell)
    except ValueError:
        return cell


def list_differences(values: Sequence[Mapping[str, Any]]) -> dict[str, list[str | None]]:
    """List the entries in which nested mappings differ.

    Args:
        values: Nested mappings, such as configs.

    Returns:
        Dotted key -> its value in each of `values`, as text without passwords, `None` where
        there is no such key; keys in their first order.
    """
    flat = [dict(_flatten(value)) for value in values]
    keys = dict.fromkeys(key for one in flat for key in one)
    rows = {key: [one.get(key) for one in flat] for key in keys}
    return {key: row for key, row in rows.items() if len(set(row)) > 1}


def _flatten(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, inner in value.items():
        if isinstance(inner, Mapping) and inner:
            yield from _flatten(inner, f"{prefix}{key}.")
        else:
            text = inner if isinstance(inner, str) else json.dumps(inner)
            yield prefix + key, hide_passwords(text)
