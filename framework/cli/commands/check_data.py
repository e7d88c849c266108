"""`run.py check-data --config C`: find wrong labels, copies, outliers and damaged pictures."""

import argparse

from framework.cli.options import add_config, add_output


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add_config(parser, "names the images, and the backbone whose features compare them")
    parser.add_argument(
        "--labels",
        choices=("odds", "confident_learning"),
        default="odds",
        help="how wrong labels are found; odds: another class is ten times as probable; "
        "confident_learning: by cleanlab (default: odds)",
    )
    add_output(parser, "the directory to write to (default: results/<config>-data/<time>)")


def run(options: argparse.Namespace) -> int:
    """Check, and write the results."""
    from framework.config import load_config
    from framework.utils.native_logs import start_tensorflow

    config = load_config(options.config, options.overrides)
    start_tensorflow()
    from framework.data_check.check_data import check_data

    check_data(config, options.config.stem, options.output, options.labels)
    return 0
