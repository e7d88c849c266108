"""What a process that sweeps imports beforehand, and does."""

import os
import sys

import keras  # noqa: F401  Imported here, and used by what is imported when it is needed.
import optuna  # noqa: F401
import tensorflow as tf  # noqa: F401

from framework.cli import main


def sweep(log, *arguments):
    """Runs the command as a process of its own does, with its output in a file."""
    stream = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(stream, 1)
    os.dup2(stream, 2)
    sys.exit(main(["sweep", *map(str, arguments)]))
