"""`run.py features --config C --layer L IMAGE|FOLDER... --output F.npz`: a layer's outputs."""

import argparse
import logging
from pathlib import Path

from framework.cli.options import add_config, add_images, parse_positive
from framework.errors import RunError, UsageError

logger = logging.getLogger(__name__)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add_config(parser, "names the backbone")
    parser.add_argument("--layer", required=True, help="a backbone layer, such as block4_pool")
    add_images(parser)
    parser.add_argument("--output", type=Path, required=True, help="the .npz file to write")
    parser.add_argument(
        "--size",
        type=parse_positive,
        metavar="N",
        help="resize the images to N x N pixels (default: the config's image_shape)",
    )


def run(options: argparse.Namespace) -> int:
    """Write the file; return 1 if some images could not be read."""
    from framework.config import load_config
    from framework.inference.image_batches import list_files
    from framework.utils.native_logs import start_tensorflow

    if options.output.suffix != ".npz":
        raise UsageError(f"--output: expected a file that ends in .npz. Found {options.output}.")
    config = load_config(options.config, options.overrides)
    files = list_files(options.images)
    start_tensorflow()
    from framework.inference.layer_outputs import build_extractor, write_features

    extractor = build_extractor(config, options.layer, options.size)
    failures = write_features(extractor, files, config, options.layer, options.output)
    shape = (len(files) - failures, *extractor.outputs[0].shape[1:])
    logger.info("%s: features %s of %s", options.output, shape, options.layer)
    return RunError.exit_code if failures else 0
