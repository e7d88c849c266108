"""`run.py draw --run DIR`: serve a local page to draw on."""

import argparse

from framework.cli.options import add_reading, add_run
from framework.cli.serving import add_port, serve_until_interrupted


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add_run(parser)
    add_port(parser, 7860)
    add_reading(parser)


def run(options: argparse.Namespace) -> int:
    """Serve the page on this machine alone until interrupted, which is the regular end."""
    return serve_until_interrupted(options)
