"""Options that several commands share."""

import argparse
import sys
from pathlib import Path

from framework.config.catalog import COVERAGE
from framework.runs.run_directory import find_run


def add_config(parser: argparse.ArgumentParser, help_text: str, required: bool = True) -> None:
    """Add `--config`, and `--set`, which overrides keys of it."""
    parser.add_argument("--config", type=Path, required=required, help=help_text)
    parser.add_argument(
        "--set",
        dest="overrides",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="override a key, such as training_config.epochs=3; repeatable; "
        "the value is read as YAML",
    )


def add_output(parser: argparse.ArgumentParser, help_text: str) -> None:
    """Add `--output`, the directory to write to."""
    parser.add_argument("--output", type=Path, metavar="DIR", help=help_text)


def add_training(parser: argparse.ArgumentParser, check_help: str, resume_help: str) -> None:
    """Add `--check` and `--resume`, which take the place of a new run or sweep."""
    parser.add_argument("--check", action="store_true", help=check_help)
    parser.add_argument("--resume", type=Path, metavar="DIR", help=resume_help)


def add_run(parser: argparse.ArgumentParser, required: bool = True) -> None:
    """Add `--run`."""
    parser.add_argument(
        "--run",
        type=Path,
        required=required,
        metavar="DIR",
        help="a run directory, or a folder of runs: then its newest finished run; of a sweep, its "
        "best trial",
    )


def add_reading(parser: argparse.ArgumentParser) -> None:
    """Add `--invert`, `--frame` and `--coverage`, which say how pictures are read."""
    parser.add_argument(
        "--invert",
        choices=("auto", "yes", "no"),
        default="auto",
        help="whether to invert images; auto: gray ones whose background is dark where that of "
        "the training images is light, or light where it is dark (default: auto)",
    )
    parser.add_argument(
        "--frame",
        choices=("auto", "yes", "no"),
        default="auto",
        help="whether to find the characters of a picture, and to frame them as the training "
        "images are; auto: if these are framed characters, and the picture has another size "
        "(default: auto)",
    )
    parser.add_argument(
        "--coverage",
        type=_parse_coverage,
        default=COVERAGE,
        metavar="SHARE",
        help="the share of validation images that are known: what is further from the training "
        f"images is unknown; 1: everything is known (default: {COVERAGE})",
    )


def _parse_coverage(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if not 0 < share <= 1:
        raise argparse.ArgumentTypeError(f"expected more than 0, at most 1. Found {text!r}.")
    return share


def choose_run(options: argparse.Namespace) -> Path:
    """Return the run that `--run` names; say on standard error which of several it is."""
    run = find_run(options.run.expanduser())
    if run != options.run.expanduser():
        print(f"Run: {run}", file=sys.stderr)
    return run


def add_images(parser: argparse.ArgumentParser) -> None:
    """Add the list of image files and folders."""
    parser.add_argument(
        "images",
        type=Path,
        nargs="+",
        metavar="IMAGE|FOLDER",
        help="image files, and folders of them",
    )


def parse_positive(text: str) -> int:
    """Parse a positive integer."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"expected a positive integer. Found {text!r}.")
    return int(text)
