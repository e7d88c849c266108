"""`run.py schema`: print the JSON Schema of a config, for editors."""

import argparse
import json


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""


def run(options: argparse.Namespace) -> int:
    """Print the schema."""
    from framework.sweeps.definition.editor_schema import make_editor_schema

    print(json.dumps(make_editor_schema(), indent=1, ensure_ascii=False))
    return 0
