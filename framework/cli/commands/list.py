"""`run.py list KIND [NAME]`: list what a config may name."""

import argparse

from framework.config.listing import KINDS, list_catalog
from framework.utils.console import show


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("name", nargs="?", help="show the arguments of this one")


def run(options: argparse.Namespace) -> int:
    """Print the table."""
    show(list_catalog(options.kind, options.name))
    return 0
