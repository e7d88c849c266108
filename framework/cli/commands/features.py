"""`run.py features --config C|--run DIR --layer L IMAGE|FOLDER... --output F.npz`."""

import argparse
import logging
from pathlib import Path

from framework.cli.options import add_config, add_images, add_run, choose_run, parse_positive
from framework.errors import RunError, UsageError

logger = logging.getLogger(__name__)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add_config(parser, "names the backbone", required=False)
    add_run(parser, required=False)
    parser.add_argument(
        "--layer",
        required=True,
        help="a backbone layer, such as block4_pool; with --run any layer of the classifier",
    )
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
    if (options.config is None) == (options.run is None):
        raise UsageError("Name a config with --config, or a finished run with --run.")
    if options.run is not None and (options.overrides or options.size):
        raise UsageError("--set and --size go with --config: a run's network is as it is.")
    config = None if options.run else load_config(options.config, options.overrides)
    files = list_files(options.images)
    start_tensorflow()
    from framework.inference.layer_outputs import build_extractor, take_layer, write_features
    from framework.inference.trained_classifier import load_classifier

    if config is None:
        extractor = take_layer(load_classifier(choose_run(options)), options.layer)
    else:
        extractor = build_extractor(config, options.layer, options.size)
    failures = write_features(extractor, files, options.output)
    shape = (len(files) - failures, *extractor.model.outputs[0].shape[1:])
    logger.info("%s: features %s of %s", options.output, shape, options.layer)
    return RunError.exit_code if failures else 0
