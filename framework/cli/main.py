"""Entry point of the command line: run a command, and turn errors into messages and exit codes."""

import argparse
import os
import shlex
import sys
import traceback
from collections.abc import Callable, Sequence
from importlib import import_module
from types import ModuleType

from framework import __version__
from framework.errors import FrameworkError, InterruptedRunError, RunError
from framework.utils.console import start_console

# Command -> its help. The module of a command is imported only when it runs: help is instant.
COMMANDS = {
    "init": "look at a folder of images, and write a commented config for it",
    "predict": "predict the classes of your own images with a trained classifier",
    "draw": "serve a local page to draw digits on, and see what the model reads",
    "serve": "answer requests for predictions over HTTP; the page to draw on is part of it",
    "evaluate": "measure a trained classifier on other labeled images",
    "export": "export a trained classifier to Keras, SavedModel, ONNX or LiteRT",
    "features": "write the outputs of a backbone layer for your own images",
    "compare": "compare finished runs side by side",
    "probe": "find the layer of the backbone that the top should read",
    "check-data": "find wrong labels, copies, outliers and damaged pictures in the images",
    "sweep": "run many trials over chosen keys of a config, and rank them",
    "cache": "list, verify or clear the stored features",
    "schema": "print the JSON Schema of a config",
    "list": "list what a config may name",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: The command line without the program's name; by default the process's.

    Returns:
        The exit code: 0 done, 1 the run failed, 2 the config or the command line is
        wrong, 130 interrupted.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    words = given[:]
    # Argparse would require a subcommand; training has none.
    name = words.pop(0) if words and words[0] in COMMANDS else "train"
    command = import_module(f"framework.cli.commands.{name.replace('-', '_')}")
    parser = make_parser(name, command)
    if name == "train" and words and not words[0].startswith("-"):
        parser.error(_explain_unknown(words[0]))
    options = parser.parse_args(words)
    options.command = shlex.join(["python", "run.py", *given])
    start_console()
    return _run_command(command.run, options)


def _explain_unknown(word: str) -> str:
    """Return an error message for a first word that is no command, with the likely intention."""
    from framework.config.suggestions import format_hint

    if word.lower().endswith((".json", ".yaml", ".yml")):
        return f"a config needs its option: --config {word}"
    if word == "train":
        return "training needs no command: run.py --config FILE"
    hint = format_hint(word, COMMANDS, f"There are {', '.join(COMMANDS)}.")
    return f"there is no command {word!r}. {hint}"


def make_parser(name: str, command: ModuleType) -> argparse.ArgumentParser:
    """Build the parser of one command; the help of training lists the others."""
    parser = argparse.ArgumentParser(prog=f"run.py {name}", description=command.__doc__)
    if name == "train":
        width = max(map(len, COMMANDS))
        listing = "\n".join(f"  {other:<{width}}  {about}" for other, about in COMMANDS.items())
        parser.prog = "run.py"
        parser.description = "Train, evaluate and report the classifier that a config describes."
        parser.epilog = f"other commands (each has its own --help):\n{listing}"
        parser.formatter_class = argparse.RawDescriptionHelpFormatter
        parser.add_argument("--version", action="version", version=__version__)
    command.add_options(parser)
    parser.add_argument("--traceback", action="store_true", help="show the traceback of an error")
    return parser


def _run_command(command: Callable[[argparse.Namespace], int], options: argparse.Namespace) -> int:
    failure: BaseException
    try:
        return command(options)
    except FrameworkError as error:
        failure, message, code = error, str(error), error.exit_code
    except KeyboardInterrupt as error:
        failure, message, code = error, "Interrupted.", InterruptedRunError.exit_code
    except BrokenPipeError:
        # The reader of the output, such as `head`, has closed it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        prefix = f"{error.filename}: " if error.filename else ""
        failure, message = error, f"{prefix}{error.strerror or error}"
        code = RunError.exit_code
    if options.traceback:
        traceback.print_exception(failure)
    print(message, file=sys.stderr)
    return code
