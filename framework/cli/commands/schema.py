"""`run.py schema`: print the JSON Schema of a config, for editors."""

import argparse
import json


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument(
        "--sweep", action="store_true", help="the schema of a config with the section sweep_config"
    )


def run(options: argparse.Namespace) -> int:
    """Print the schema."""
    from framework.config.schema.config_schema import make_schema
    from framework.sweeps.definition.sweep_config import make_sweep_schema

    schema = make_sweep_schema() if options.sweep else make_schema()
    print(json.dumps(schema, indent=2, ensure_ascii=False))
    return 0
