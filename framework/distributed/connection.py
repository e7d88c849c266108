"""The way to a cluster."""

from __future__ import annotations

import logging
import os
import re
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from framework.distributed.cluster import Cluster, list_nodes
from framework.errors import RunError, UsageError, first_sentence
from framework.utils.native_logs import filter_standard_error
from framework.utils.text import pluralize

logger = logging.getLogger(__name__)

LOCAL = "local"
RUNNING_HERE = "auto"

# Seconds that an address has to answer.
TIMEOUT_SECONDS = 10.0

# Sends nothing to Ray's makers, and nothing that nodes say to the console. To be set, as all
# variables here, before Ray is imported.
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".",
    "RAY_BACKEND_LOG_LEVEL": "fatal",
}

# What the C++ side of Ray says before it knows its level: date, time, level, process and thread.
NOTE = re.compile(r"\[\d{4}-\d\d-\d\d [\d:,]+ [DIWE] \d+ \d+\]")

# Shared memory for what travels between the processes of a cluster on this machine alone; what
# a run has on its way is bounded, see `framework.features.ray_executor`.
LOCAL_STORE_BYTES = 2**30

# What a client of HTTP/2, and so of gRPC, opens with: RFC 9113, section 3.4, and an empty
# SETTINGS frame. A server answers with one of its own, whose type is 4.
HTTP2_OPENING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\x04" + bytes(5)
FRAME_HEADER_BYTES = 9
SETTINGS_FRAME = 4


@contextmanager
def open_cluster(address: str) -> Iterator[Cluster]:
    """Connect to a cluster and check its nodes; disconnects after the body.

    Args:
        address: `"local"` starts Ray on this machine for the length of the body; `"auto"`
            finds the cluster that this machine belongs to; `"HOST:PORT"` names it.

    Raises:
        UsageError: The address is none of these.
        RunError: There is no cluster, or a node has other versions than this machine.
    """
    check_form(address)
    os.environ |= QUIET
    options: dict[str, Any] = {}
    advice = ""
    if address == LOCAL:
        # Nobody else may join: Ray's ports are open to all who can reach this machine.
        os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        # Workers are what the user waits for: they don't give way to all else, as Ray has it.
        os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112 (Ray's name)
        options = {"include_dashboard": False, "object_store_memory": LOCAL_STORE_BYTES}
    else:
        advice = (
            " This machine must belong to it: ray start --head here, or ray start "
            "--address=HOST:PORT. If it was started with a token, set RAY_AUTH_MODE=token here too."
        )
    if address not in (LOCAL, RUNNING_HERE):
        probe_address(address)
    import ray

    try:
        with filter_standard_error(NOTE):
            ray.init(address, log_to_driver=False, logging_level=logging.ERROR, **options)
    except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise RunError(
            f"--ray {address}: no Ray cluster can be joined: {first_sentence(error)}{advice}"
        ) from error
    try:
        yield inspect_cluster(address)
    finally:
        ray.shutdown()


def inspect_cluster(address: str) -> Cluster:
    """Return the cluster that this process is connected to, all of whose nodes must fit.

    Args:
        address: What to call it in an error.

    Raises:
        RunError: A node has other versions than this machine.
    """
    cluster = Cluster()
    nodes = list_nodes()
    if problems := cluster.check(nodes):
        raise RunError(
            f"--ray {address}: all nodes of the cluster need the versions of this machine:\n"
            + "\n".join(f"  {problem}" for problem in problems)
            + "\nInstall the same there, or take the node out (ray stop)."
        )
    cores = sum(node.cores for node in nodes)
    logger.info("Ray: %s on %s", pluralize(cores, "processor core"), pluralize(len(nodes), "node"))
    return cluster


def check_form(address: str) -> None:
    """Make sure that an address can be one.

    Raises:
        UsageError: It can't.
    """
    host, _, port = address.rpartition(":")
    if address in (LOCAL, RUNNING_HERE) or (host and "/" not in host and port.isdigit()):
        return
    raise UsageError(
        f"--ray: expected local, auto, or the HOST:PORT that ray start shows. Found {address!r}."
    )


def probe_address(address: str) -> None:
    """Make sure that something like Ray answers, which Ray itself takes minutes to give up on.

    Raises:
        RunError: Nobody answers, or something else.
    """
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), TIMEOUT_SECONDS) as link:
            link.settimeout(TIMEOUT_SECONDS)
            link.sendall(HTTP2_OPENING)
            answer = link.recv(FRAME_HEADER_BYTES, socket.MSG_WAITALL)
    except (OSError, OverflowError) as error:
        raise RunError(
            f"--ray {address}: nobody answers there: {getattr(error, 'strerror', None) or error}. "
            "Is the cluster up (ray status), and is the port open?"
        ) from error
    if len(answer) < FRAME_HEADER_BYTES or answer[3] != SETTINGS_FRAME:
        raise RunError(f"--ray {address}: what answers there is not Ray. See ray status.")
