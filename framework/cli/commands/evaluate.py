"""`run.py evaluate --run DIR FOLDER|TABLE|NAME`: measure a classifier on other labeled images."""

import argparse

from framework.cli.options import add_output, add_reading, add_run, choose_run


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add_run(parser)
    parser.add_argument(
        "data",
        metavar="FOLDER|TABLE|NAME",
        help="a folder with a folder for each class; a table of files or pixels and labels; an "
        ".npz archive; or the name of a data set, such as mnist",
    )
    add_output(parser, "the directory to write to (default: results/<config>-evaluation/<time>)")
    add_reading(parser)


def run(options: argparse.Namespace) -> int:
    """Evaluate, and write the results."""
    from framework.data.evaluation_set import load_evaluation_set
    from framework.utils.native_logs import start_tensorflow

    run_directory = choose_run(options)
    evaluated = load_evaluation_set(options.data)
    start_tensorflow()
    from framework.inference.evaluate_run import evaluate_run
    from framework.inference.picture_reader import ReadOptions
    from framework.inference.trained_classifier import load_classifier

    reading = ReadOptions(options.invert, options.frame, options.coverage)
    evaluate_run(
        load_classifier(run_directory), evaluated, options.output, reading, options.command
    )
    return 0
