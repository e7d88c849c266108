"""The callbacks of a config: what they watch, and where they write."""

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath, PureWindowsPath

from framework.config import catalog
from framework.config.catalog import ACCURACY
from framework.config.checks.objective_rules import CALLBACKS, METRICS
from framework.config.checks.partial_config import PartialConfig
from framework.config.reserved_files import RESERVED_FILES
from framework.config.source_map import KeyPath
from framework.config.violations import Violation, format_mismatch, format_unknown

TRACKING = ("training_config", "tracking")


def check_callbacks(partial: PartialConfig) -> Iterator[Violation]:
    """Yield callbacks that watch what is not measured, or write over the run's own files."""
    measured = list_measured(partial)
    for name in partial.read(*CALLBACKS) or {}:
        if name not in catalog.list_names("callbacks"):
            continue
        for argument, entry in catalog.find_entry("callbacks", name)["arguments"].items():
            path = (*CALLBACKS, name, argument)
            value = partial.read(*path, default=entry.get("default"))
            if entry["takes"] == "monitor" and measured:
                yield from _check_monitor(partial, path, value, measured)
            if entry["takes"] == "path in the run directory" and value is not None:
                yield from _check_run_path(path, value)
    yield from _check_checkpoint(partial, measured)


def list_measured(partial: PartialConfig) -> list[str]:
    """Return the names of all values that are measured in an epoch; none if one is wrong."""
    names = ["loss", ACCURACY]
    for i, _ in enumerate(partial.read(*METRICS) or ()):
        name, _ = partial.read_object(*METRICS, i, default="")
        if name == ACCURACY:
            continue
        if name not in catalog.list_names("metrics"):
            return []
        names.append(catalog.find_entry("metrics", name)["log_name"])
    return [*names, *(f"val_{name}" for name in names)]


def _check_monitor(
    partial: PartialConfig, path: KeyPath, value: str, measured: Sequence[str]
) -> Iterator[Violation]:
    """Yield a value that is not measured, or may be better higher or lower."""
    mode = (*path[:-1], "mode")
    if value not in measured:
        expected = f"a measured value ({', '.join(measured)})"
        yield Violation(path, format_unknown(expected, value, measured))
    elif catalog.find_better(value) is None and partial.read(*mode, default="auto") == "auto":
        expected = f"'min' or 'max': Keras can't tell which {value} is better"
        yield Violation(mode, format_mismatch(expected, "auto"))


def _check_run_path(path: KeyPath, value: str) -> Iterator[Violation]:
    """Yield a path that leads out of the run directory, or to a file of the run itself."""
    parts = (PurePosixPath(value), PureWindowsPath(value))
    outside = any(part.is_absolute() or part.drive or ".." in part.parts for part in parts)
    if outside or value.startswith("~") or "\0" in value:
        yield Violation(
            path, format_mismatch("a path inside the run directory, relative to it", value)
        )
    elif str(PurePosixPath(value)) in RESERVED_FILES:
        expected = "another name: every run writes a file of this name itself"
        yield Violation(path, format_mismatch(expected, value))


def _check_checkpoint(partial: PartialConfig, measured: Sequence[str]) -> Iterator[Violation]:
    """Yield a checkpoint's name with another ending or other figures than Keras knows."""
    callback = (*CALLBACKS, "ModelCheckpoint")
    path = (*callback, "filepath")
    file = partial.read(*path)
    if file is None:
        return
    weights_only = partial.read(*callback, "save_weights_only", default=False)
    ending = ".weights.h5" if weights_only else ".keras"
    if not file.endswith(ending):
        yield Violation(path, format_mismatch(f"a name that ends in {ending}", file))
    figures = {"epoch": 1, **dict.fromkeys(measured, 0.5)}
    if partial.read(*callback, "save_freq", default="epoch") != "epoch":
        # Nothing is validated before the end of an epoch.
        during = {name: figure for name, figure in figures.items() if not name.startswith("val_")}
        figures = {"batch": 1, **during}
    try:
        file.format(**figures)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        if measured:
            expected = f"a name with nothing in braces but {', '.join(figures)}"
            yield Violation(path, format_mismatch(expected, file))


def check_tracking(partial: PartialConfig) -> Iterator[Violation]:
    """Yield keys of MLflow where TensorBoard is the tracker."""
    if partial.read(*TRACKING, "name", default=partial.read(*TRACKING)) != "tensorboard":
        return
    for key in ("uri", "experiment", "parent_run"):
        if partial.read(*TRACKING, key) is not None:
            message = "only for 'mlflow': TensorBoard's files are in logs/ of the run directory."
            yield Violation((*TRACKING, key), message, at_key=True)
