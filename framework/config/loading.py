"""From a file, or from plain values, to a checked `Config`."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from framework.config.building import build_config
from framework.config.checking import Finding, check_schema
from framework.config.document import MAX_DEPTH
from framework.config.draft import Draft
from framework.config.merging import apply_overrides, read_chain
from framework.config.origins import Origins
from framework.config.rules import check_rules
from framework.config.sections import Config
from framework.errors import ConfigError, Problem


def load_config(path: str | Path, overrides: Sequence[str] = ()) -> Config:
    """Loads and checks a config.

    Args:
        path: A JSON or YAML file, told by its ending.
        overrides: `KEY=VALUE` options, such as `training_config.epochs=3`; the
            value is read as YAML.

    Raises:
        ConfigError: The config is wrong; the error holds every problem, each
            with its file, line and column, or its option.
    """
    values, origins = read_chain(Path(path))
    apply_overrides(values, origins, overrides)
    return _resolve(values, origins)


def resolve_config(values: Mapping[str, Any], source: str = "config") -> Config:
    """Checks plain values, as JSON gives them, and makes a `Config` of them.

    Args:
        values: The sections of a config.
        source: What problems call the place that the values come from.

    Raises:
        ConfigError: The config is wrong; the error holds every problem.
    """
    plain = _copy_plain(values, source, 0)
    if not isinstance(plain, dict):
        raise ConfigError([Problem("", "expected an object with sections", source)])
    if "extends" in plain:
        message = "only a file can extend another: its path is relative to the file."
        raise ConfigError([Problem("extends", message, source)])
    return _resolve(plain, Origins(source))


def _resolve(values: dict[str, Any], origins: Origins) -> Config:
    """Returns the config of merged values; raises ConfigError with all problems."""
    if problems := place_findings(check_config(values), origins):
        raise ConfigError(problems)
    return dataclasses.replace(build_config(values), origin=origins)


def check_config(values: dict[str, Any]) -> list[Finding]:
    """Returns all that is wrong with merged values."""
    findings = check_schema(values)
    wrong = [finding.path for finding in findings]
    return findings + [
        finding
        for finding in check_rules(Draft(values, wrong))
        if not any(finding.path[: len(path)] == path for path in wrong)
    ]


def place_findings(findings: Iterable[Finding], origins: Origins) -> list[Problem]:
    """Returns findings as problems with their places, after those of the texts, in order."""
    problems = list(origins.problems)
    told = {(problem.source, problem.line, problem.column) for problem in problems}
    for finding in findings:
        problem = origins.make_problem(finding.path, finding.message, finding.at_key)
        if problem.line is None or (problem.source, problem.line, problem.column) not in told:
            problems.append(problem)
    return sort_problems(problems, origins)


def sort_problems(problems: Iterable[Problem], origins: Origins) -> list[Problem]:
    """Returns problems in the order in which they are told."""
    return sorted(problems, key=lambda problem: _sort_key(problem, origins))


def _sort_key(problem: Problem, origins: Origins) -> tuple[object, ...]:
    """Returns what orders problems: the config itself before its bases, then by place."""
    place = (problem.line or 0, problem.column or 0)
    return (problem.source != origins.source, problem.source, place, problem.path)


def _copy_plain(value: Any, source: str, depth: int) -> Any:
    """Returns a copy with lists for tuples; raises ConfigError on what JSON can't hold."""
    if depth > MAX_DEPTH:
        raise ConfigError([Problem("", f"nested more than {MAX_DEPTH} levels deep", source)])
    if isinstance(value, Mapping):
        return {str(key): _copy_plain(item, source, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_copy_plain(item, source, depth + 1) for item in value]
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise ConfigError([Problem("", f"a config holds no {type(value).__name__}", source)])
