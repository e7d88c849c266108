"""`run.py predict --run DIR IMAGE|FOLDER...`: predict the classes of image files."""

import argparse
import sys

from framework.cli.options import add_images, add_reading, add_run, choose_run, parse_positive
from framework.errors import RunError


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add_run(parser)
    add_images(parser)
    parser.add_argument(
        "--format",
        choices=("text", "json", "csv"),
        default="text",
        help="the output format (default: text)",
    )
    parser.add_argument(
        "--top",
        type=parse_positive,
        default=3,
        metavar="K",
        help="name the K most probable classes (default: 3)",
    )
    add_reading(parser)


def run(options: argparse.Namespace) -> int:
    """Print the prediction for each image; return 1 if some could not be read."""
    from framework.inference.image_batches import list_files
    from framework.utils.native_logs import start_tensorflow

    files = list_files(options.images)
    start_tensorflow()
    from framework.inference.picture_reader import ReadOptions
    from framework.inference.predict_files import predict_files
    from framework.inference.trained_classifier import load_classifier
    from framework.inference.writers import WRITERS

    trained = load_classifier(choose_run(options))
    top = min(options.top, len(trained.class_names))
    reading = ReadOptions(options.invert, options.frame, options.coverage, top)
    predictions = predict_files(trained, files, reading)
    failures = WRITERS[options.format](predictions, sys.stdout, top)
    return RunError.exit_code if failures else 0
