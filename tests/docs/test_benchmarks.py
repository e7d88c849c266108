"""The benchmarks that the pages name take the options that stand there.

They measure for minutes to hours on an idle machine, most of them with MNIST and ImageNet's
weights, so none is run.
"""

import argparse
import shlex
from importlib import import_module

import pytest

from tests.helpers.documented_commands import select_blocks


class UnderstoodError(Exception):
    """Ends a benchmark once it has read its options."""


@pytest.mark.parametrize("block", select_blocks(__name__))
def test_the_options_are_understood(block, monkeypatch):
    parse = argparse.ArgumentParser.parse_args

    def stop(parser, *arguments):
        parse(parser, *arguments)
        raise UnderstoodError

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", stop)
    for command in block:
        words = shlex.split(command.text)[1:]
        name, *options = words[1:] if words[0] == "-m" else words
        module = import_module(name.removesuffix(".py").replace("/", "."))
        monkeypatch.setattr("sys.argv", [name, *options])
        with pytest.raises(UnderstoodError):
            module.main()
