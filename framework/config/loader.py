"""From a file, or from plain values, to a checked `Config`."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from framework.config.checks.partial_config import PartialConfig
from framework.config.checks.rules import check_rules
from framework.config.model import Config
from framework.config.parse.document import MAX_DEPTH
from framework.config.parse.merge import apply_overrides, read_chain
from framework.config.parse.source_map import SourceMap
from framework.config.schema.validator import Violation, check_schema
from framework.config.serialization import build_config
from framework.errors import ConfigError, Problem


def load_config(path: str | Path, overrides: Sequence[str] = ()) -> Config:
    """Load and check a config.

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
    """Check plain values, as JSON gives them, and make a `Config` of them.

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
    return _resolve(plain, SourceMap(source))


def _resolve(values: dict[str, Any], origins: SourceMap) -> Config:
    """Return the config of merged values; raises ConfigError with all problems."""
    if problems := locate_violations(check_config(values), origins):
        raise ConfigError(problems)
    return dataclasses.replace(build_config(values), origin=origins)


def check_config(values: dict[str, Any]) -> list[Violation]:
    """Return all that is wrong with merged values."""
    findings = check_schema(values)
    wrong = [finding.path for finding in findings]
    return findings + [
        finding
        for finding in check_rules(PartialConfig(values, wrong))
        if not any(finding.path[: len(path)] == path for path in wrong)
    ]


def locate_violations(findings: Iterable[Violation], origins: SourceMap) -> list[Problem]:
    """Return findings as problems with their places, after those of the texts, in order."""
    problems = list(origins.problems)
    told = {(problem.source, problem.line, problem.column) for problem in problems}
    for finding in findings:
        problem = origins.make_problem(finding.path, finding.message, finding.at_key)
        if problem.line is None or (problem.source, problem.line, problem.column) not in told:
            problems.append(problem)
    return sort_problems(problems, origins)


def sort_problems(problems: Iterable[Problem], origins: SourceMap) -> list[Problem]:
    """Return problems in the order in which they are told."""
    return sorted(problems, key=lambda problem: _sort_key(problem, origins))


def _sort_key(problem: Problem, origins: SourceMap) -> tuple[object, ...]:
    """Return what orders problems: the config itself before its bases, then by place."""
    place = (problem.line or 0, problem.column or 0)
    return (problem.source != origins.source, problem.source, place, problem.path)


def _copy_plain(value: Any, source: str, depth: int) -> Any:
    """Return a copy with lists for tuples; raises ConfigError on what JSON can't hold."""
    if depth > MAX_DEPTH:
        raise ConfigError([Problem("", f"nested more than {MAX_DEPTH} levels deep", source)])
    if isinstance(value, Mapping):
        return {str(key): _copy_plain(item, source, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_copy_plain(item, source, depth + 1) for item in value]
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise ConfigError([Problem("", f"a config holds no {type(value).__name__}", source)])
