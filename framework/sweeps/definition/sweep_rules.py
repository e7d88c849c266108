"""The rules for `sweep_config` beyond its schema."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from framework.config.catalog import find_better
from framework.config.schema.config_schema import SWEEP
from framework.config.source_map import KeyPath
from framework.config.suggestions import suggest_name
from framework.config.violations import Violation, format_mismatch, format_value
from framework.sweeps.definition.search_space import list_choices
from framework.sweeps.definition.sweep_config import SweepConfig

KEYS: KeyPath = (SWEEP, "keys")
KINDS = ("choice", "range", "log_range")
FILE_KEYS = ("extends", "$schema")
"""Keys of a file beside its sections; they are no keys of a run."""


def check_entry(path: str, entry: Mapping[str, Any], sampler: str) -> Iterator[Violation]:
    """Yield what is wrong with a swept key, with paths relative to its entry in `keys`."""
    if not all(path.split(".")) or path.split(".")[0] in FILE_KEYS:
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
    """Yield values that are repeated; `1`, `1.0` and `true` are the same to the database."""
    if isinstance(choice, dict):
        return
    labels = [label for label, _ in list_choices(choice)]
    for index, label in enumerate(labels):
        if label in labels[:index]:
            yield Violation(("choice", index), f"the value {format_value(label)} is there already.")


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
    """Yield a range without a step, whose values a grid can't list."""
    if kind == "log_range":
        yield Violation(
            (kind,), "the sampler 'grid' can't count its values: list them as a choice."
        )
    elif "step" not in entry and not all(isinstance(end, int) for end in entry[kind]):
        yield Violation((kind,), "the sampler 'grid' can't count its values: add a step.")


def check_nesting(paths: Collection[str]) -> Iterator[Violation]:
    """Yield each path that is inside another one."""
    for path in paths:
        for other in paths:
            if path.startswith(f"{other}."):
                message = f"{other} is varied as a whole: vary one of the two."
                yield Violation((*KEYS, path), message, at_key=True)


def check_budget(section: Mapping[str, Any]) -> Iterator[Violation]:
    """Yield that the sweep would never end."""
    if section.get("sampler") == "grid":
        return
    if section.get("trials") is None and section.get("time_budget") is None:
        sampler = section.get("sampler", SweepConfig.sampler)
        yield Violation((SWEEP, "trials"), f"the sampler {sampler!r} needs trials or time_budget.")


def check_metric(metric: str, measured: Collection[str]) -> Iterator[Violation]:
    """Yield a metric that is not measured on validation images, or has no known direction.

    Args:
        metric: Decides which trial is the best; test images must not influence it.
        measured: All that is measured in an epoch; empty where that is unknown.
    """
    allowed = [name for name in measured if name.startswith("val_") and find_better(name)]
    if allowed and metric not in allowed:
        bare = metric.removeprefix("test_").removeprefix("validation_")
        suggestion = suggest_name(metric, allowed) or suggest_name(f"val_{bare}", allowed)
        expected = f"a validation metric ({', '.join(allowed)})"
        yield Violation(
            (SWEEP, "metric"), format_mismatch(expected, metric, suggestion and repr(suggestion))
        )


def check_comparable(metric: str, paths: Collection[str]) -> Iterator[Violation]:
    """Yield the metric `val_loss` where the trials differ in their loss."""
    loss = "training_config.loss"
    varied = [path for path in paths if f"{path}.".startswith(f"{loss}.") or loss.startswith(path)]
    if metric == "val_loss" and varied:
        message = (
            f"the values of different losses can't be compared, and {varied[0]} is varied. "
            "Rank by 'val_accuracy'."
        )
        yield Violation((SWEEP, "metric"), message)


def prefix_paths(path: KeyPath, violations: Iterable[Violation]) -> list[Violation]:
    """Return violations whose paths are relative to `path` with their whole paths."""
    return [Violation((*path, *each.path), each.message, each.at_key) for each in violations]
