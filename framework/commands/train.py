"""`run.py --config C`: trains, evaluates and reports."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from framework.errors import UsageError
from framework.quiet import start_tensorflow


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of training."""
    parser.add_argument("--config", type=Path, help="a JSON or YAML config")
    add_overrides(parser)
    parser.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="the run directory (default: results/<config>/<time>)",
    )
    parser.add_argument(
        "--check", action="store_true", help="check the config only; nothing is trained"
    )
    parser.add_argument(
        "--resume", type=Path, metavar="DIR", help="go on with an interrupted run in DIR"
    )


def add_overrides(parser: argparse.ArgumentParser) -> None:
    """Adds `--set`."""
    parser.add_argument(
        "--set",
        dest="overrides",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="override a key, such as training_config.epochs=3; repeatable; "
        "the value is read as YAML",
    )


def run(options: argparse.Namespace) -> int:
    """Trains, goes on training, or only checks the config."""
    from framework.config import load_config

    if options.resume is not None:
        return resume(options)
    if options.config is None:
        raise UsageError("Name a config with --config, or an interrupted run with --resume.")
    config = load_config(options.config, options.overrides)
    if options.check:
        print(f"{options.config}: OK")
        return 0
    start_tensorflow()
    from framework.experiment import start_experiment

    start_experiment(config, options.config.stem, options.output)
    return 0


def resume(options: argparse.Namespace) -> int:
    """Goes on with an interrupted run; a finished one has nothing left to do."""
    from framework import runs
    from framework.config import dump_config, load_config

    if runs.is_finished(options.resume):
        print(f"The run in {options.resume} is finished; there is nothing to go on with.")
        return 0
    config = load_config(runs.reopen_run(options.resume))
    if options.config is not None:
        wanted = dump_config(load_config(options.config, options.overrides))
        if changes := list_changes(dump_config(config), wanted):
            raise UsageError(
                f"{options.config} is not the config that the run in {options.resume} began with:\n"
                + "\n".join(f"  {change}" for change in changes)
                + "\nGo on without --config, or start a new run."
            )
    elif options.overrides:
        raise UsageError("--set can't change a run that has begun. Start a new run.")
    start_tensorflow()
    from framework.experiment import run_experiment

    run_experiment(config, options.resume)
    return 0


def list_changes(before: Any, after: Any, path: str = "") -> list[str]:
    """Where two resolved configs differ, by dotted path."""
    if isinstance(before, dict) and isinstance(after, dict):
        return [
            change
            for key in dict.fromkeys([*before, *after])
            for change in list_changes(before.get(key), after.get(key), f"{path}.{key}".strip("."))
        ]
    return [] if before == after else [f"{path}: {before!r} before, {after!r} now"]
