"""`run.py export --run DIR --format F`: export a classifier for other programs."""

import argparse
from pathlib import Path

from framework.cli.options import add_run, choose_run
from framework.errors import UsageError

LITERT = ("litert", "tflite")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add_run(parser)
    parser.add_argument(
        "--format",
        choices=("keras", "saved_model", "onnx", *LITERT),
        required=True,
        help="tflite is another name of litert",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="PATH",
        help="the folder to create, or a file with the format's ending "
        "(default: export_<format> in the run directory)",
    )
    parser.add_argument(
        "--int8",
        action="store_true",
        help="litert only: compute with 8-bit integers, calibrated on training images",
    )
    parser.add_argument(
        "--input-dtype",
        choices=("float32", "uint8"),
        default="float32",
        help="onnx and litert: the dtype of the images, in [0, 255] either way; the other formats "
        "take both (default: float32)",
    )


def run(options: argparse.Namespace) -> int:
    """Write the export, and log how it compares with the classifier."""
    if options.int8 and options.format not in LITERT:
        raise UsageError(f"--int8: goes with --format litert only. Found {options.format}.")
    from framework.utils.native_logs import start_tensorflow

    start_tensorflow()
    from framework.inference.export.exporter import export_classifier
    from framework.inference.trained_classifier import load_classifier

    trained = load_classifier(choose_run(options))
    export_classifier(trained, options.format, options.output, options.int8, options.input_dtype)
    return 0
