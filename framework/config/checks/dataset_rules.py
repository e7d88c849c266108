"""What a data set needs, and what its classes, where they are known beforehand, rule out."""

import math
from collections.abc import Iterator, Sequence

from framework.config import catalog
from framework.config.checks.objective_rules import METRICS
from framework.config.checks.partial_config import PartialConfig
from framework.config.class_names import find_class_names
from framework.config.violations import Violation, format_mismatch, format_unknown

DATASET = ("data_config", "dataset")
LIMIT = ("data_config", "limit")

MAX_LISTED = 10
"""Class names that a message lists."""


def check_dataset(partial: PartialConfig) -> Iterator[Violation]:
    """Yield a missing path, keys of other data sets, and a fallback that needs a path."""
    name, arguments = partial.read_object(*DATASET)
    if name in catalog.PATH_DATASETS and arguments.get("path") is None:
        yield Violation((*DATASET, "path"), f"required for the data set {name!r}, but missing.")
    if name == "digits" and arguments.get("path") is not None:
        yield Violation(
            (*DATASET, "path"), "the data set 'digits' takes no path: it is part of scikit-learn."
        )
    for key, names in catalog.DATASET_KEYS.items():
        if name not in names and arguments.get(key) is not None:
            message = f"only for the data sets {', '.join(names)}. Found it for {name!r}."
            yield Violation((*DATASET, key), message, at_key=True)
    other = partial.read(*DATASET, "if_unavailable")
    if other is not None and (other in catalog.PATH_DATASETS or other == name):
        expected = "another data set, one that needs no path"
        yield Violation((*DATASET, "if_unavailable"), format_mismatch(expected, other, "'digits'"))


def check_classes(partial: PartialConfig) -> Iterator[Violation]:
    """Yield weights, metrics and limits that the data set's classes rule out."""
    name, class_names = _find_classes(partial)
    if class_names is None:
        return
    yield from _check_class_weight(partial, class_names)
    yield from _check_class_ids(partial, name, len(class_names))
    yield from _check_limits(partial, name, len(class_names))
    other = partial.read(*DATASET, "if_unavailable")
    others = find_class_names(other) if isinstance(other, str) else None
    if others is not None and len(others) != len(class_names):
        yield Violation(
            (*DATASET, "if_unavailable"),
            f"expected a data set with as many classes as {name!r} has, {len(class_names)}: the "
            f"top can't fit both. Found {other!r} with {len(others)}.",
        )


def check_units(partial: PartialConfig) -> Iterator[Violation]:
    """Yield units of the last layer that are not as many as the data set has classes."""
    name, class_names = _find_classes(partial)
    ends = partial.find_ends()
    units = ends[0].arguments.get("units") if ends else None
    if class_names and isinstance(units, int) and units != len(class_names):
        yield Violation(
            (*ends[0].path, "initializing_parameters", "units"),
            f"expected {len(class_names)}: {name!r} has {len(class_names)} classes. Found {units}.",
        )


def _find_classes(partial: PartialConfig) -> tuple[str, tuple[str, ...] | None]:
    """Return the name of the data set, and its class names if they are known without loading."""
    name, arguments = partial.read_object(*DATASET)
    split = arguments.get("split") if partial.is_sound(*DATASET) else None
    return name, find_class_names(name, split)


def _check_class_weight(partial: PartialConfig, class_names: Sequence[str]) -> Iterator[Violation]:
    path = ("training_config", "class_weight")
    weights = partial.read(*path)
    more = ", ..." if len(class_names) > MAX_LISTED else ""
    expected = f"a class ({', '.join(class_names[:MAX_LISTED])}{more})"
    for name in weights if isinstance(weights, dict) else ():
        if name not in class_names:
            message = format_unknown(expected, name, class_names)
            yield Violation((*path, name), message, at_key=True)


def _check_class_ids(partial: PartialConfig, dataset: str, classes: int) -> Iterator[Violation]:
    for i, _ in enumerate(partial.read(*METRICS) or ()):
        number = partial.read(*METRICS, i, "class_id")
        if isinstance(number, int) and number >= classes:
            expected = f"a class number, 0 to {classes - 1}: {dataset!r} has {classes} classes"
            yield Violation((*METRICS, i, "class_id"), format_mismatch(expected, number))


def _check_limits(partial: PartialConfig, dataset: str, classes: int) -> Iterator[Violation]:
    """Yield limits too small for a stratified draw, which needs an image of each class a side."""
    test = partial.read(*LIMIT, "test")
    if test is not None and test < classes:
        expected = f"at least {classes}, an image of each class of {dataset!r}"
        yield Violation((*LIMIT, "test"), format_mismatch(expected, test))
    train = partial.read(*LIMIT, "train")
    share = partial.read("data_config", "validation_fraction")
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
