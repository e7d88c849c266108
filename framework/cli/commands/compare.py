"""`run.py compare DIR...`: compare finished runs side by side."""

import argparse
from pathlib import Path

from framework.cli.options import add_output


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument(
        "runs", type=Path, nargs="+", metavar="DIR", help="runs, or folders of runs"
    )
    add_output(parser, "where comparison.csv and comparison.html go")


def run(options: argparse.Namespace) -> int:
    """Print the table, and write it as CSV and as a page."""
    from framework.evaluation.comparison.compare_runs import compare_runs
    from framework.utils.console import show

    show(compare_runs(options.runs, options.output))
    return 0
