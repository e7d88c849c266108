"""`run.py cache list|verify|clear`: manage the stored features."""

import argparse


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("action", choices=("list", "verify", "clear"))
    parser.add_argument(
        "--directory", help="the store (default: TRANSFER_FRAMEWORK_CACHE, or the user's cache)"
    )


def run(options: argparse.Namespace) -> int:
    """List, verify or clear the store; return 1 if an entry was damaged."""
    from framework.config.model import FeatureCache
    from framework.features.store import FeatureStore, find_directory
    from framework.features.store_maintenance import clear_cache, list_cache, verify_cache
    from framework.utils.console import show

    settings = FeatureCache(directory=options.directory)
    store = FeatureStore(find_directory(settings), settings.limit_gb)
    if options.action == "verify":
        report, intact = verify_cache(store)
        print(report)
        return 0 if intact else 1
    show(list_cache(store) if options.action == "list" else clear_cache(store))
    return 0
