"""Sweep directories: made, or found again where a sweep was interrupted."""

from __future__ import annotations

import time
from pathlib import Path

from framework.config.reserved_files import UNFINISHED
from framework.errors import RunError, UsageError
from framework.runs.run_directory import RESULTS
from framework.sweeps.definition.sweep import Sweep, describe_definition
from framework.utils.files import read_json, write_json, write_text

DEFINITION = "sweep.json"


def open_sweep(sweep: Sweep, config_stem: str, output: Path | None) -> Path:
    """Make a sweep's directory, or find the one in which it was begun.

    The same command, given again, goes on with a sweep that has not finished; given
    while the sweep is at work, it helps.

    Args:
        sweep: What to try.
        config_stem: Name of the config file without its ending.
        output: Where the user wants it; by default `results/<config stem>/<time>`.

    Raises:
        UsageError: `output` holds something else.
        RunError: The directory can't be written.
    """
    folder = RESULTS / config_stem
    directory = output or _find_unfinished(sweep, folder)
    if directory is None:
        directory = folder / time.strftime("%Y%m%d-%H%M%S")
    try:
        _prepare(sweep, directory)
    except OSError as error:
        raise RunError(
            f"{directory}: no sweep can be kept there: {error.strerror}. "
            "Choose another place with --output."
        ) from error
    return directory


def _prepare(sweep: Sweep, directory: Path) -> None:
    """Write what the sweep is, where it is not written yet."""
    if (directory / DEFINITION).is_file():
        return
    # What is hidden is a definition that another process, which helps, is about to publish.
    if directory.is_dir() and any(directory.glob("[!.]*")):
        raise UsageError(
            f"--output: {directory} is not empty, and nothing in it shall be lost. "
            "Name another directory."
        )
    directory.mkdir(parents=True, exist_ok=True)
    write_json(directory / DEFINITION, sweep.dump())
    write_text(directory / UNFINISHED, "This sweep has not finished.\n")


def _find_unfinished(sweep: Sweep, folder: Path) -> Path | None:
    """Return the newest directory in which this sweep has not come to its end."""
    for mark in sorted(folder.glob(f"*/{UNFINISHED}"), reverse=True):
        directory = mark.parent
        if (directory / DEFINITION).is_file():
            begun = read_json(directory / DEFINITION)
            if describe_definition(begun) == describe_definition(sweep.dump()):
                return directory
    return None


def reopen_sweep(directory: Path) -> Path:
    """Find the definition of a sweep, to go on with it.

    Raises:
        RunError: There is no sweep in the directory.
    """
    definition = directory / DEFINITION
    if not definition.is_file():
        raise RunError(f"{directory} holds no sweep: there is no {DEFINITION} in it.")
    return definition


def finish_sweep(sweep: Sweep, directory: Path) -> None:
    """Take away the mark of an unfinished sweep; notes down what has changed on the way."""
    write_json(directory / DEFINITION, sweep.dump())
    (directory / UNFINISHED).unlink(missing_ok=True)
