"""Loads a sweep from a file, or reports all its problems. Imports neither Keras nor Optuna."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from framework.config.checks.callback_rules import list_measured
from framework.config.checks.check_config import check_config
from framework.config.checks.partial_config import PartialConfig
from framework.config.loader import locate_violations, sort_problems
from framework.config.parse.merge import apply_overrides, read_chain, set_value
from framework.config.parse.parsed_text import TextError
from framework.config.schema.config_schema import SWEEP
from framework.config.schema.validator import check_values
from framework.config.source_map import KeyPath, SourceMap
from framework.config.violations import Violation, format_value
from framework.errors import ConfigError, Problem
from framework.sweeps.definition.parameter_plan import ParameterPlan
from framework.sweeps.definition.search_space import (
    Parameter,
    Space,
    make_dimension,
)
from framework.sweeps.definition.sweep_config import SweepConfig, make_sweep_config_schema
from framework.sweeps.definition.sweep_rules import (
    KEYS,
    KINDS,
    check_budget,
    check_comparable,
    check_entry,
    check_metric,
    check_nesting,
    prefix_paths,
)

MAX_CHECKED = 200
"""Combinations that are checked before any trial runs; single values are all checked."""

CHANGEABLE_KEYS = ("trials", "time_budget", "storage", "study", "reports")
"""Keys of `sweep_config` that may change before a sweep is resumed."""


@dataclass(frozen=True)
class Sweep:
    """A sweep: a base config, and what is varied in it.

    Args:
        settings: How it is varied.
        space: What is varied.
        base: The sections of the base config, as a file holds them.
        section: `sweep_config`, as the file holds it.
        parent_run: The run of MLflow that those of the trials are parts of.
    """

    settings: SweepConfig
    space: Space
    base: Mapping[str, Any]
    section: Mapping[str, Any]
    parent_run: str | None = None

    @property
    def tracking(self) -> Mapping[str, Any]:
        """`training_config.tracking` of the base; empty if nothing is tracked."""
        tracking = self.base.get("training_config", {}).get("tracking") or {}
        return {"name": tracking} if isinstance(tracking, str) else tracking

    def make_values(self, parameters: Mapping[str, Parameter]) -> dict[str, Any]:
        """Return the config of a trial as plain values."""
        values = copy.deepcopy(dict(self.base))
        for path, dimension in self.space.items():
            value = dimension.decode(parameters[path])
            set_value(values, path.split("."), copy.deepcopy(value))
        if self.parent_run is not None:
            set_value(values, ["training_config", "tracking", "parent_run"], self.parent_run)
        return values

    def dump(self) -> dict[str, Any]:
        """Return the contents of a file that repeats the sweep."""
        return {**self.base, SWEEP: self.section}


def describe_definition(dumped: Mapping[str, Any]) -> dict[str, Any]:
    """Return everything that decides the trials of a sweep, except their number.

    Args:
        dumped: The sweep, as `Sweep.dump` gives it.
    """
    section = {key: value for key, value in dumped[SWEEP].items() if key not in CHANGEABLE_KEYS}
    return {**dumped, SWEEP: section}


def is_sweep(path: Path) -> bool:
    """Return whether a file has the section `sweep_config`.

    Raises:
        ConfigError: It can't be read.
    """
    return SWEEP in read_chain(path)[0]


def load_sweep(path: Path, overrides: Sequence[str] = ()) -> Sweep:
    """Load a sweep and check it, with every value that it may try.

    Args:
        path: A JSON or YAML file with `sweep_config`.
        overrides: `KEY=VALUE` options, for the base config or for `sweep_config`.

    Raises:
        ConfigError: Something is wrong; the error holds every problem with its place.
    """
    values, source_map = read_chain(path)
    apply_overrides(values, source_map, overrides)
    return _SweepLoader(values, source_map).load()


class _SweepLoader:
    """Loads a sweep, and collects its problems."""

    def __init__(self, values: dict[str, Any], source_map: SourceMap) -> None:
        self._section = values.pop(SWEEP, None)
        self._base = values
        self._source_map = source_map
        self._problems: dict[Problem, None] = {}

    def load(self) -> Sweep:
        """Return the sweep, or raise `ConfigError` with all that is wrong."""
        entries = self._check_section()
        self._check_entries(entries)
        self._raise_problems()
        settings = SweepConfig(**self._section)
        space = {path: make_dimension(entry) for path, entry in entries.items()}
        sweep = Sweep(settings, space, self._base, self._section)
        self._check_combinations(sweep)
        self._raise_problems()
        return sweep

    def _raise_problems(self) -> None:
        if self._problems:
            raise ConfigError(sort_problems(self._problems, self._source_map))

    def _report(self, violations: Sequence[Violation], source_map: SourceMap | None = None) -> None:
        for problem in locate_violations(violations, source_map or self._source_map):
            self._problems.setdefault(problem)

    def _check_section(self) -> dict[str, dict[str, Any]]:
        """Check `sweep_config` itself, and return the valid entries of `keys`."""
        if self._section is None:
            message = "required, but missing: it says what to vary. See docs/sweep.md."
            self._report([Violation((SWEEP,), message)])
            self._raise_problems()
        schema = make_sweep_config_schema()
        violations = prefix_paths((SWEEP,), check_values(self._section, schema))
        partial = PartialConfig({SWEEP: self._section}, [each.path for each in violations])
        sampler = partial.read(SWEEP, "sampler", default=SweepConfig.sampler)
        entries = {}
        for path, entry in (partial.read(*KEYS) or {}).items():
            if not partial.is_sound(*KEYS, path):
                continue
            found = prefix_paths((*KEYS, path), check_entry(path, entry, sampler))
            violations += found
            if not found:
                entries[path] = entry
        for nested in list(check_nesting(list(entries))):
            violations.append(nested)
            del entries[str(nested.path[-1])]
        # Where a key of the section is wrong, another one may not really be missing.
        if all(len(each.path) > len(KEYS) for each in violations):
            violations += check_budget(self._section)
        self._report(violations)
        return entries

    def _check_entries(self, entries: Mapping[str, Mapping[str, Any]]) -> None:
        """Check the config with each single value, and the first values of all other keys."""
        candidates = {path: _list_candidates(path, entry) for path, entry in entries.items()}
        firsts = {path: values[0] for path, values in candidates.items()}
        values, known, source_map = self._vary(firsts)
        self._report(known, source_map)
        if isinstance(self._section, dict) and isinstance(
            metric := self._section.get("metric", SweepConfig.metric), str
        ):
            measured = list_measured(PartialConfig(values, [each.path for each in known]))
            self._report([*check_metric(metric, measured), *check_comparable(metric, entries)])
        reported = {(each.path, each.message) for each in known}
        for path, others in candidates.items():
            for other in others[1:]:
                _, violations, source_map = self._vary({**firsts, path: other})
                new = [
                    _explain(each, path, other[0])
                    for each in violations
                    if (each.path, each.message) not in reported
                ]
                self._report(new, source_map)

    def _vary(
        self, chosen: Mapping[str, tuple[Any, KeyPath]]
    ) -> tuple[dict[str, Any], list[Violation], SourceMap]:
        """Return the config with some values, what is wrong with it, and its source map."""
        values, source_map = copy.deepcopy(self._base), self._source_map.copy()
        violations = []
        for dotted, (value, there) in chosen.items():
            try:
                path = set_value(values, dotted.split("."), copy.deepcopy(value))
            except TextError as error:
                violations.append(Violation((*KEYS, dotted), error.message, at_key=True))
                continue
            source_map.replace(path, self._source_map, there)
            source_map.point_at_key(path, self._source_map, (*KEYS, dotted))
        return values, violations + check_config(values), source_map

    def _check_combinations(self, sweep: Sweep) -> None:
        """Check the first trials as a whole, where they are known beforehand."""
        plan = ParameterPlan(sweep.space, sweep.settings)
        if sweep.settings.sampler == "tpe":
            return
        for number in range(min(plan.trials or MAX_CHECKED, MAX_CHECKED)):
            parameters = plan.find_parameters(number)
            violations = check_config(sweep.make_values(parameters))
            if violations:
                shown = ", ".join(f"{path} = {format_value(v)}" for path, v in parameters.items())
                first = violations[0]
                where = ".".join(map(str, first.path))
                message = f"these values don't go together: {shown}. {where}: {first.message}"
                self._report([Violation(KEYS, message)])
                return


def _list_candidates(path: str, entry: Mapping[str, Any]) -> list[tuple[Any, KeyPath]]:
    """Return the values of a choice or the ends of a range, each with its path in the file."""
    kind = next(kind for kind in KINDS if kind in entry)
    values = entry[kind]
    items = values.items() if isinstance(values, dict) else enumerate(values)
    return [(value, (*KEYS, path, kind, key)) for key, value in items]


def _explain(violation: Violation, path: str, value: Any) -> Violation:
    """Return a violation that names the value that causes it, where its path does not."""
    dotted = ".".join(map(str, violation.path))
    if dotted == path or dotted.startswith(f"{path}."):
        return violation
    return Violation(violation.path, f"{violation.message} So with {path} = {format_value(value)}.")
