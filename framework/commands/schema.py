"""`run.py schema`: the JSON Schema of a config, for editors."""

from __future__ import annotations

import argparse
import json


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds no options: the schema is one."""


def run(options: argparse.Namespace) -> int:
    """Prints the schema."""
    from framework.config.schema import make_schema

    print(json.dumps(make_schema(), indent=2, ensure_ascii=False))
    return 0
