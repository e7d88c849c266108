"""From a file, or from plain values, to a checked `Config`."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from framework.config.checks.check_config import check_config
from framework.config.model import Config
from framework.config.parse.merge import anchor_data_paths, apply_overrides, read_chain
from framework.config.parse.parsed_text import MAX_DEPTH, TOO_DEEP
from framework.config.serialization import build_config
from framework.config.source_map import SourceMap
from framework.config.violations import Violation
from framework.errors import ConfigError, Problem


def load_config(path: str | Path, overrides: Sequence[str] = ()) -> Config:
    """Load and check a config.

    Args:
        path: A JSON or YAML file; its ending decides which.
        overrides: `KEY=VALUE` options, such as `training_config.epochs=3`; the
            value is read as YAML.

    Raises:
        ConfigError: The config is wrong; the error holds every problem, each
            with its file, line and column, or its option.
    """
    values, source_map = read_chain(Path(path))
    return _resolve(values, source_map, overrides)


def load_run_config(directory: Path) -> Config:
    """Load the config of a run, whose backbone's file or preset need not be there any more.

    Args:
        directory: The run directory.

    Raises:
        ConfigError: The config is wrong.
    """
    values, source_map = read_chain(directory / "config.json")
    return _resolve(values, source_map, (), recorded=True)


def resolve_config(
    values: Mapping[str, Any], source: str = "config", overrides: Sequence[str] = ()
) -> Config:
    """Check plain values, as JSON gives them, and make a `Config` of them.

    Args:
        values: The sections of a config.
        source: What problems call the place that the values come from.
        overrides: As for `load_config`.

    Raises:
        ConfigError: The config is wrong; the error holds every problem.
    """
    plain = _copy_plain(values, source, 0)
    if not isinstance(plain, dict):
        raise ConfigError([Problem("", "expected an object with sections", source)])
    if "extends" in plain:
        message = "only a file can extend another: its path is relative to the file."
        raise ConfigError([Problem("extends", message, source)])
    return _resolve(plain, SourceMap(source), overrides)


def _resolve(
    values: dict[str, Any],
    source_map: SourceMap,
    overrides: Sequence[str],
    recorded: bool = False,
) -> Config:
    """Return the config of merged values; raises ConfigError with all problems."""
    apply_overrides(values, source_map, overrides)
    anchor_data_paths(values, Path())  # Of an option, or of a file in which it was not found.
    if problems := locate_violations(check_config(values, recorded), source_map):
        raise ConfigError(problems)
    return dataclasses.replace(build_config(values), source_map=source_map)


def locate_violations(violations: Iterable[Violation], source_map: SourceMap) -> list[Problem]:
    """Return violations, and the problems of the texts, in order, each with its location."""
    problems = list(source_map.problems)
    known = {(problem.source, problem.line, problem.column) for problem in problems}
    for violation in violations:
        problem = source_map.make_problem(violation.path, violation.message, violation.at_key)
        if problem.line is None or (problem.source, problem.line, problem.column) not in known:
            problems.append(problem)
    return sort_problems(problems, source_map)


def sort_problems(problems: Iterable[Problem], source_map: SourceMap) -> list[Problem]:
    """Return problems in the order of their locations: the config itself before its bases."""

    def sort_key(problem: Problem) -> tuple[object, ...]:
        is_base = problem.source != source_map.source
        position = (problem.line or 0, problem.column or 0)
        return (is_base, problem.source, position, problem.path)

    return sorted(problems, key=sort_key)


def _copy_plain(value: Any, source: str, depth: int) -> Any:
    """Return a copy with lists for tuples; raises ConfigError on what JSON can't hold."""
    if depth > MAX_DEPTH:
        raise ConfigError([Problem("", TOO_DEEP, source)])
    if isinstance(value, Mapping):
        return {str(key): _copy_plain(item, source, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_copy_plain(item, source, depth + 1) for item in value]
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise ConfigError(
        [Problem("", f"a config can't hold a value of the type {type(value).__name__}", source)]
    )
