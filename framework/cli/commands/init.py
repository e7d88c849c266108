"""`run.py init FOLDER|TABLE`: look at images, and write a commented config for them."""

import argparse
from pathlib import Path


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument(
        "data",
        metavar="FOLDER|TABLE",
        help="a folder with a folder for each class; a table of files or pixels and labels; an "
        ".npz archive; or the name of a data set, such as mnist",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE.yaml",
        help="the config to write; nothing is overwritten (default: <name of the folder>.yaml)",
    )
    parser.add_argument(
        "--probe",
        action="store_true",
        help="measure layer, pooling, size and backbone instead of choosing them by rules",
    )


def run(options: argparse.Namespace) -> int:
    """Look at the images, and write the config."""
    from framework.proposal.propose_config import propose_config

    propose_config(options.data, options.output, options.probe)
    return 0
