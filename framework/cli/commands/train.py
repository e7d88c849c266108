"""`run.py --config C`: train, evaluate and report."""

import argparse
import time

from framework.cli.libraries import use_libraries
from framework.cli.options import add_config, add_output, add_training
from framework.cli.ray_option import add_ray, join_cluster
from framework.errors import UsageError
from framework.runs import run_directory


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of training."""
    add_config(parser, "a JSON or YAML config", required=False)
    add_output(parser, "the run directory (default: results/<config>/<time>)")
    add_training(
        parser, "check the config only; nothing is trained", "resume an interrupted run in DIR"
    )
    add_ray(parser)


def run(options: argparse.Namespace) -> int:
    """Train, resume training, or only check the config."""
    started = time.perf_counter()
    from framework.config import load_config

    if options.resume is not None:
        return resume(options)
    if options.config is None:
        raise UsageError("Name a config with --config, or an interrupted run with --resume.")
    if options.check:
        return check(options)
    config = load_config(options.config, options.overrides)
    with join_cluster(options.ray) as cluster, use_libraries():
        from framework.experiment import RunOptions, start_experiment

        given = RunOptions(cluster=cluster, started=started, command=options.command)
        start_experiment(config, options.config.stem, options.output, given)
    return 0


def check(options: argparse.Namespace) -> int:
    """Check a config, or a sweep, without training anything."""
    from framework.config import load_config
    from framework.sweeps.definition.sweep import is_sweep, load_sweep

    load = load_sweep if is_sweep(options.config) else load_config
    load(options.config, options.overrides)
    print(f"{options.config}: OK")
    return 0


def resume(options: argparse.Namespace) -> int:
    """Resume an interrupted run; do nothing for a finished one."""
    started = time.perf_counter()
    for name in ("output", "check"):
        if getattr(options, name):
            raise UsageError(f"--{name} can't be combined with --resume. Leave one of them out.")
    from framework.config import dump_config, load_config
    from framework.config.serialization import list_changes
    from framework.utils.environment import restore_threads

    if run_directory.is_finished(options.resume):
        print(f"The run in {options.resume} is finished; there is nothing to resume.")
        return 0
    config = load_config(run_directory.reopen_run(options.resume))
    if options.config is not None:
        wanted = dump_config(load_config(options.config, options.overrides))
        if changes := list_changes(dump_config(config), wanted):
            raise UsageError(
                f"{options.config} is not the config that the run in {options.resume} began with:\n"
                + "\n".join(f"  {change}" for change in changes)
                + "\nResume without --config, or start a new run."
            )
    elif options.overrides:
        raise UsageError("--set can't change a run that was started before. Start a new run.")
    restore_threads(options.resume)
    with join_cluster(options.ray) as cluster, use_libraries():
        from framework.experiment import RunOptions, run_experiment

        given = RunOptions(cluster=cluster, started=started, command=options.command)
        run_experiment(config, options.resume, given)
    return 0
