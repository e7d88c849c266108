"""`run.py compare DIR...`: finished runs side by side."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument(
        "runs", type=Path, nargs="+", metavar="DIR", help="runs, or folders of runs"
    )
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help="where comparison.csv and comparison.html go"
    )


def run(options: argparse.Namespace) -> int:
    """Print the table, and write the same as CSV and as a page."""
    from framework.evaluation.comparison.compare import compare_runs

    print(compare_runs(options.runs, options.output))
    return 0
