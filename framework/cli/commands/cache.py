"""`run.py cache list|verify|clear`: the stored features."""

from __future__ import annotations

import argparse


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("action", choices=("list", "verify", "clear"))
    parser.add_argument(
        "--directory", help="the store (default: TRANSFER_FRAMEWORK_CACHE, or the user's cache)"
    )


def run(options: argparse.Namespace) -> int:
    """Show, checks or empties the store; 1 where something was damaged."""
    from framework.config.model import FeatureCache
    from framework.features.maintenance import clear_cache, list_cache, verify_cache
    from framework.features.store import FeatureStore, find_directory

    settings = FeatureCache(directory=options.directory)
    store = FeatureStore(find_directory(settings), settings.limit_gb)
    sound = True
    if options.action == "list":
        report = list_cache(store)
    elif options.action == "verify":
        report, sound = verify_cache(store)
    else:
        report = clear_cache(store)
    print(report)
    return 0 if sound else 1
