"""`--ray`: the cluster that a command's features are computed on."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager

from framework.distributed.cluster import Cluster
from framework.distributed.connection import open_cluster
from framework.utils.optional_dependencies import require_packages


def add_ray(parser: argparse.ArgumentParser) -> None:
    """Add `--ray`."""
    parser.add_argument(
        "--ray",
        metavar="WHERE",
        help="work on a Ray cluster: auto (the one that this machine belongs to), HOST:PORT, or "
        "local (this machine alone); see docs/scale.md",
    )


@contextmanager
def join_cluster(address: str | None) -> Iterator[Cluster | None]:
    """Connect to the cluster that `--ray` names, for the length of the body.

    Args:
        address: As `framework.distributed.connection.open_cluster` takes it; `None` for no cluster.

    Raises:
        UsageError: There can't be such an address.
        RunError: Ray is not installed, or the cluster can't be used.
    """
    if address is None:
        yield None
        return
    require_packages("--ray", {"ray": "ray"}, "ray")
    with open_cluster(address) as cluster:
        yield cluster
