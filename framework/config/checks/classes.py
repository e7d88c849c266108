"""What a config says of single classes, where the data set's classes are known beforehand."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from framework.config.checks.output import METRICS
from framework.config.checks.partial_config import PartialConfig
from framework.config.class_names import find_class_names
from framework.config.schema.validator import Violation, format_mismatch
from framework.config.suggestions import suggest_name

DATASET = ("data_config", "dataset")
LIMIT = ("data_config", "limit")

MAX_LISTED = 10
"""Class names that a message lists."""


def check_classes(draft: PartialConfig) -> Iterator[Violation]:
    """Yield weights, metrics and limit that the data set's classes rule out."""
    name, arguments = draft.read_object(*DATASET, default="mnist")
    split = arguments.get("split") if draft.is_sound(*DATASET) else None
    class_names = find_class_names(name, split)
    if class_names is None:
        return
    yield from _check_weights(draft, class_names)
    yield from _check_metrics(draft, name, len(class_names))
    yield from _check_limits(draft, name, len(class_names))
    other = arguments.get("if_unavailable")
    others = find_class_names(other) if isinstance(other, str) else None
    if others is not None and len(others) != len(class_names):
        yield Violation(
            (*DATASET, "if_unavailable"),
            f"expected a data set with as many classes as {name!r} has, {len(class_names)}: the "
            f"top can't fit both. Found {other!r} with {len(others)}.",
        )


def _check_weights(draft: PartialConfig, class_names: Sequence[str]) -> Iterator[Violation]:
    path = ("training_config", "class_weight")
    weights = draft.read(*path)
    for name in weights if isinstance(weights, dict) else ():
        if name not in class_names:
            suggestion = suggest_name(name, class_names)
            expected = f"a class ({_list_some(class_names)})"
            message = format_mismatch(expected, name, suggestion and repr(suggestion))
            yield Violation((*path, name), message, at_key=True)


def _list_some(class_names: Sequence[str]) -> str:
    more = ", ..." if len(class_names) > MAX_LISTED else ""
    return ", ".join(class_names[:MAX_LISTED]) + more


def _check_metrics(draft: PartialConfig, dataset: str, classes: int) -> Iterator[Violation]:
    for i, _ in enumerate(draft.read(*METRICS, default=()) or ()):
        number = draft.read(*METRICS, i, "class_id")
        if isinstance(number, int) and number >= classes:
            expected = f"a class number, 0 to {classes - 1}: {dataset!r} has {classes} classes"
            yield Violation((*METRICS, i, "class_id"), format_mismatch(expected, number))


def _check_limits(draft: PartialConfig, dataset: str, classes: int) -> Iterator[Violation]:
    """Draw are stratified: of every class there must be images on both sides of each."""
    test = draft.read(*LIMIT, "test")
    if test is not None and test < classes:
        expected = f"at least {classes}, an image of each class of {dataset!r}"
        yield Violation((*LIMIT, "test"), format_mismatch(expected, test))
    train = draft.read(*LIMIT, "train")
    share = draft.read("data_config", "validation_fraction", default=0.1)
    if train is None:
        return
    held_out = math.ceil(share * train)
    if min(held_out, train - held_out) < classes:
        yield Violation(
            (*LIMIT, "train"),
            f"expected enough images for each of the {classes} classes of {dataset!r} to be among "
            f"those trained on and those held out. Found {train:,}, of which "
            f"validation_fraction {share} holds out {held_out:,}.",
        )
