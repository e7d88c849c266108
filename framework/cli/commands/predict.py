"""`run.py predict --run DIR IMAGE|FOLDER...`: the classes of one's own images."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from framework.errors import RunError


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add_run(parser)
    add_pictures(parser)
    parser.add_argument(
        "--format",
        choices=("text", "json", "csv"),
        default="text",
        help="how to write it (default: text)",
    )
    parser.add_argument(
        "--top",
        type=parse_positive,
        default=3,
        metavar="K",
        help="name the K most probable classes (default: 3)",
    )
    parser.add_argument(
        "--invert",
        choices=("auto", "yes", "no"),
        default="auto",
        help="turn dark ink on light paper into light on dark, as digits were trained; "
        "auto: where the image's border is light (default: auto)",
    )


def add_run(parser: argparse.ArgumentParser) -> None:
    """Add `--run`."""
    parser.add_argument(
        "--run",
        type=Path,
        required=True,
        metavar="DIR",
        help="a run directory, or a folder of runs: then its newest finished run",
    )


def add_pictures(parser: argparse.ArgumentParser) -> None:
    """Add the list of images."""
    parser.add_argument(
        "images",
        type=Path,
        nargs="+",
        metavar="IMAGE|FOLDER",
        help="pictures, and folders of them",
    )


def parse_positive(text: str) -> int:
    """Read a positive integer of the command line."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"expected a positive integer. Found {text!r}.")
    return int(text)


def run(options: argparse.Namespace) -> int:
    """Print what the classifier says of each image; 1 where some could not be read."""
    from framework.inference.image_batches import list_files
    from framework.utils.native_logs import start_tensorflow

    files = list_files(options.images)
    start_tensorflow()
    from framework.inference.predict_files import predict_files
    from framework.inference.trained_classifier import load_classifier
    from framework.inference.writers import WRITERS

    trained = load_classifier(options.run)
    top = min(options.top, len(trained.class_names))
    answers = predict_files(trained, files, options.invert, top)
    failures = WRITERS[options.format](answers, sys.stdout, top)
    return RunError.exit_code if failures else 0
