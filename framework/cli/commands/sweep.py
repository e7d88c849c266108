"""`run.py sweep --config C`: many runs over chosen keys, ranked."""

from __future__ import annotations

import argparse
from pathlib import Path

from framework.cli.commands.train import add_overrides
from framework.cli.ray_option import add_ray, join_cluster
from framework.errors import UsageError


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("--config", type=Path, help="a config with the section sweep_config")
    add_overrides(parser)
    parser.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="the sweep's directory (default: the one in results/<config> where this sweep has "
        "not finished, or a new one)",
    )
    parser.add_argument(
        "--check", action="store_true", help="check all that may be tried; nothing is trained"
    )
    parser.add_argument(
        "--resume", type=Path, metavar="DIR", help="go on with, or help, the sweep in DIR"
    )
    add_ray(parser)


def run(options: argparse.Namespace) -> int:
    """Run trials until none is left, or only checks the config."""
    from framework.sweeps.definition.sweep import load_sweep
    from framework.sweeps.sweep_directory import open_sweep, reopen_sweep
    from framework.utils.optional_dependencies import require_packages

    if options.config is None and options.resume is None:
        raise UsageError("Name a config with --config, or an interrupted sweep with --resume.")
    if options.output is not None and options.resume is not None:
        raise UsageError("--output and --resume name the same thing: give one of the two.")
    definition = options.config or reopen_sweep(options.resume)
    sweep = load_sweep(definition, options.overrides)
    if options.check:
        print(f"{definition}: OK")
        return 0
    require_packages("A sweep", {"optuna": "optuna"}, "sweep")
    stem = "sweep" if options.config is None else options.config.stem
    directory = open_sweep(sweep, stem, options.resume or options.output)
    from framework.sweeps.run_sweep import run_sweep

    with join_cluster(options.ray) as cluster:
        run_sweep(sweep, directory, cluster)
    return 0
