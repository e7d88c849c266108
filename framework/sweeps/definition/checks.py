"""What `sweep_config` must keep beyond its schema."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from framework.config.catalog import find_better
from framework.config.source_map import KeyPath
from framework.config.suggestions import suggest_name
from framework.config.violations import Violation, format_mismatch, format_value
from framework.sweeps.definition.search_space import list_choices
from framework.sweeps.definition.sweep_config import SweepConfig

KINDS = ("choice", "range", "log_range")
NO_KEYS = ("extends", "$schema")
"""What stands beside the sections in a file, and is no key of a run."""


def check_entry(path: str, entry: Mapping[str, Any], sampler: str) -> Iterator[Violation]:
    """Yield what is wrong with an entry of `keys` whose parts are right.

    Paths are relative to the entry.
    """
    if not all(path.split(".")) or path.split(".")[0] in NO_KEYS:
        expected = "the dotted path of a key, such as training_config.epochs"
        yield Violation((), format_mismatch(expected, path), at_key=True)
    kinds = [kind for kind in KINDS if kind in entry]
    if len(kinds) != 1:
        found = " and ".join(kinds) or "none"
        yield Violation((), f"expected one of {', '.join(KINDS)}. Found {found}.")
        return
    if "step" in entry and kinds != ["range"]:
        yield Violation(("step",), "only with range: remove it.", at_key=True)
    elif kinds == ["choice"]:
        yield from _check_choice(entry["choice"])
    else:
        yield from _check_interval(kinds[0], entry)
        if sampler == "grid":
            yield from _check_grid(kinds[0], entry)


def _check_choice(choice: Any) -> Iterator[Violation]:
    """Return values must differ; `1`, `1.0` and `true` are the same to the database."""
    if isinstance(choice, dict):
        return
    labels = [label for label, _ in list_choices(choice)]
    for place, label in enumerate(labels):
        if label in labels[:place]:
            yield Violation(("choice", place), f"the value {format_value(label)} is there already.")


def _check_interval(kind: str, entry: Mapping[str, Any]) -> Iterator[Violation]:
    low, high = entry[kind]
    if kind == "log_range" and min(low, high) <= 0:
        yield Violation((kind,), format_mismatch("two positive numbers", entry[kind]))
    elif low >= high:
        expected = "the lowest number, then a larger one"
        yield Violation((kind,), format_mismatch(expected, entry[kind]))
    step = entry.get("step")
    if isinstance(low, int) and isinstance(high, int) and isinstance(step, float):
        yield Violation(("step",), format_mismatch("an integer, as the range's", step))


def _check_grid(kind: str, entry: Mapping[str, Any]) -> Iterator[Violation]:
    """Return a grid needs values that can be counted."""
    if kind == "log_range":
        yield Violation(
            (kind,), "the sampler 'grid' can't count its values: list them as a choice."
        )
    elif "step" not in entry and not all(isinstance(end, int) for end in entry[kind]):
        yield Violation((kind,), "the sampler 'grid' can't count its values: add a step.")


def check_nesting(paths: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield each path that lies in another one, with a message."""
    for path in paths:
        for other in paths:
            if path.startswith(f"{other}."):
                yield path, f"{other} is varied as a whole: vary one of the two."


def check_end(section: Mapping[str, Any]) -> Iterator[Violation]:
    """Yield that a search would never end."""
    if section.get("sampler") == "grid":
        return
    if section.get("trials") is None and section.get("time_budget") is None:
        sampler = section.get("sampler", SweepConfig.sampler)
        yield Violation(("trials",), f"the sampler {sampler!r} needs trials or time_budget.")


def check_metric(metric: str, measured: Collection[str]) -> Iterator[Violation]:
    """Yield a metric that is not measured on validation images, or has no better values.

    Args:
        metric: Decides which trial is the best; test images must have no say in it.
        measured: All that is measured in an epoch; empty where that can't be told.
    """
    allowed = [name for name in measured if name.startswith("val_") and find_better(name)]
    if allowed and metric not in allowed:
        bare = metric.removeprefix("test_").removeprefix("validation_")
        suggestion = suggest_name(metric, allowed) or suggest_name(f"val_{bare}", allowed)
        expected = f"a validation metric ({', '.join(allowed)})"
        yield Violation(
            ("metric",), format_mismatch(expected, metric, suggestion and repr(suggestion))
        )


def locate(findings: Iterator[Violation], path: KeyPath) -> list[Violation]:
    """Return findings with their paths continued from `path`."""
    return [Violation((*path, *found.path), found.message, found.at_key) for found in findings]
