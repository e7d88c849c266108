"""`run.py sweep --config C`: run many trials over chosen keys, and rank them."""

import argparse

from framework.cli.libraries import use_libraries
from framework.cli.options import add_config, add_output, add_training
from framework.cli.ray_option import add_ray, join_cluster
from framework.errors import UsageError


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add_config(parser, "a config with the section sweep_config", required=False)
    add_output(
        parser,
        "the sweep's directory (default: the one in results/<config> where this sweep has not "
        "finished, or a new one)",
    )
    add_training(
        parser,
        "check every config that may be tried; nothing is trained",
        "resume the sweep in DIR, or help a running one",
    )
    add_ray(parser)


def run(options: argparse.Namespace) -> int:
    """Run trials until none is left, or only check the config."""
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

    with join_cluster(options.ray) as cluster, use_libraries():
        run_sweep(sweep, directory, cluster)
    return 0
