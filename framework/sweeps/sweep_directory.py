"""Sweep directories: created, found again after an interruption, and finished."""

import time
from pathlib import Path

from framework.config.reserved_files import SWEEP_FILE, UNFINISHED
from framework.errors import RunError, UsageError
from framework.runs.run_directory import RESULTS
from framework.sweeps.definition.sweep import Sweep, describe_definition
from framework.utils.files import read_json, write_json, write_text


def open_sweep(sweep: Sweep, config_stem: str, output: Path | None) -> Path:
    """Create a sweep's directory, or find the one in which it began.

    So the same command resumes a sweep that has not finished, and helps one that is running.

    Args:
        sweep: What is varied.
        config_stem: Name of the config file without its ending.
        output: What the user chose; by default `results/<config stem>/<time>`.

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
    """Write the definition of the sweep, unless it is there already."""
    if (directory / SWEEP_FILE).is_file():
        return
    # A hidden file is the definition, which another process is just writing.
    if directory.is_dir() and any(directory.glob("[!.]*")):
        raise UsageError(
            f"--output: {directory} is not empty. Name another directory, so that nothing in it "
            "is lost."
        )
    directory.mkdir(parents=True, exist_ok=True)
    write_json(directory / SWEEP_FILE, sweep.dump())
    write_text(directory / UNFINISHED, "This sweep has not finished.\n")


def _find_unfinished(sweep: Sweep, folder: Path) -> Path | None:
    """Return the newest directory in which this sweep has not finished."""
    wanted = describe_definition(sweep.dump())
    for marker in sorted(folder.glob(f"*/{UNFINISHED}"), reverse=True):
        definition = marker.with_name(SWEEP_FILE)
        if definition.is_file() and describe_definition(read_json(definition)) == wanted:
            return marker.parent
    return None


def reopen_sweep(directory: Path) -> Path:
    """Return the path of a sweep's definition, to resume it.

    Raises:
        RunError: There is no sweep in the directory.
    """
    definition = directory / SWEEP_FILE
    if not definition.is_file():
        raise RunError(f"{directory} holds no sweep: there is no {SWEEP_FILE} in it.")
    return definition


def finish_sweep(sweep: Sweep, directory: Path) -> None:
    """Remove the marker of an unfinished sweep, and write the definition with its changes."""
    write_json(directory / SWEEP_FILE, sweep.dump())
    (directory / UNFINISHED).unlink(missing_ok=True)
