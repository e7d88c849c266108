"""The callbacks of a config: what they watch, and where they write."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath, PureWindowsPath

from framework.config import catalog
from framework.config.checking import Finding, say_mismatch
from framework.config.document import Path_
from framework.config.draft import Draft
from framework.config.outputs import ACCURACY, METRICS
from framework.config.suggestions import suggest_name
from framework.run_files import WRITTEN

CALLBACKS = ("training_config", "call_backs_conf")


def check_callbacks(draft: Draft) -> Iterator[Finding]:
    """Callbacks must watch what is measured, and write beside the run's own files."""
    measured = list_measured(draft)
    for name in draft.read(*CALLBACKS, default={}) or {}:
        if name not in catalog.list_names("callbacks"):
            continue
        for argument, entry in catalog.find_entry("callbacks", name)["arguments"].items():
            path = (*CALLBACKS, name, argument)
            value = draft.read(*path, default=entry.get("default"))
            if entry["takes"] == "monitor" and measured:
                yield from _check_monitor(draft, path, value, measured)
            if entry["takes"] == "path in the run directory" and value is not None:
                yield from _check_run_path(path, value)
    yield from _check_checkpoint(draft, measured)


def list_measured(draft: Draft) -> list[str]:
    """Returns the names of all values that are measured in an epoch; none if one is wrong."""
    names = ["loss", ACCURACY]
    for i, _ in enumerate(draft.read(*METRICS, default=()) or ()):
        name, _ = draft.read_object(*METRICS, i, default="")
        if name == ACCURACY:
            continue
        if name not in catalog.list_names("metrics"):
            return []
        names.append(catalog.find_entry("metrics", name)["log_name"])
    return [*names, *(f"val_{name}" for name in names)]


def _check_monitor(
    draft: Draft, path: Path_, value: str, measured: Sequence[str]
) -> Iterator[Finding]:
    """Yields a value that is not measured, or of which nobody knows what is better."""
    mode = (*path[:-1], "mode")
    if value not in measured:
        suggestion = suggest_name(value, measured)
        expected = f"a measured value ({', '.join(measured)})"
        yield Finding(path, say_mismatch(expected, value, suggestion and repr(suggestion)))
    elif catalog.find_better(value) is None and draft.read(*mode, default="auto") == "auto":
        expected = f"'min' or 'max': Keras can't tell which {value} is better"
        yield Finding(mode, say_mismatch(expected, "auto"))


def _check_run_path(path: Path_, value: str) -> Iterator[Finding]:
    """Yields a path that leads out of the run directory, or to a file of the run itself."""
    parts = (PurePosixPath(value), PureWindowsPath(value))
    outside = any(part.is_absolute() or part.drive or ".." in part.parts for part in parts)
    if outside or value.startswith("~") or "\0" in value:
        yield Finding(path, say_mismatch("a path inside the run directory, relative to it", value))
    elif str(PurePosixPath(value)) in WRITTEN:
        expected = "another name: every run writes a file of this one itself"
        yield Finding(path, say_mismatch(expected, value))


def _check_checkpoint(draft: Draft, measured: Sequence[str]) -> Iterator[Finding]:
    """Keras tells the format of a checkpoint by the ending of its name, and fills in figures."""
    callback = (*CALLBACKS, "ModelCheckpoint")
    path = (*callback, "filepath")
    file = draft.read(*path)
    if file is None:
        return
    weights_only = draft.read(*callback, "save_weights_only", default=False)
    ending = ".weights.h5" if weights_only else ".keras"
    if not file.endswith(ending):
        yield Finding(path, say_mismatch(f"a name that ends in {ending}", file))
    figures = {"epoch": 1, **dict.fromkeys(measured, 0.5)}
    if draft.read(*callback, "save_freq", default="epoch") != "epoch":
        # In the midst of an epoch nothing is validated.
        during = {name: figure for name, figure in figures.items() if not name.startswith("val_")}
        figures = {"batch": 1, **during}
    try:
        file.format(**figures)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        if measured:
            expected = f"a name with nothing in braces but {', '.join(figures)}"
            yield Finding(path, say_mismatch(expected, file))
