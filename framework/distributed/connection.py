"""Connect to a cluster."""

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

# Ray's settings, to be set before it is imported.
SETTINGS = {
    # Nothing is sent to Ray's makers, and nothing that nodes log is written to the console.
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".",
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    # By default, Ray runs tasks again without end whose workers it killed for want of memory.
    "RAY_task_oom_retries": "3",
}

# Those of the nodes that `LOCAL` starts.
LOCAL_SETTINGS = {
    "RAY_AUTH_MODE": "token",
    # The user waits for the workers: they get as much of the processor as this process.
    "RAY_worker_niceness": "0",
    # Workers end that have been idle for so long: they would keep their memory until the run ends.
    "RAY_num_workers_soft_limit": "0",
    "RAY_idle_worker_killing_time_threshold_ms": "30000",
}

# What the C++ side of Ray says before it knows its level: date, time, level, process and thread.
NOTE = re.compile(r"\[\d{4}-\d\d-\d\d [\d:,]+ [DIWE] \d+ \d+\]")

# Shared memory of a cluster of this machine alone. It holds the chunks in flight, whose bytes
# are bounded by `framework.features.ray_executor`.
LOCAL_STORE_BYTES = 2**30

# The connection preface of HTTP/2, on which Ray's gRPC runs: RFC 9113, section 3.4, with an
# empty SETTINGS frame. A server answers with a SETTINGS frame, whose type is 4.
HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\x04" + bytes(5)
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
    os.environ |= SETTINGS
    options: dict[str, Any] = {}
    advice = ""
    if address == LOCAL:
        # Nobody else may join: Ray's ports are open to all who can reach this machine.
        os.environ |= LOCAL_SETTINGS | {"RAY_AUTH_TOKEN": secrets.token_hex(32)}
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
    """Check the form of an address.

    Raises:
        UsageError: It is none that `open_cluster` takes.
    """
    host, _, port = address.rpartition(":")
    if address in (LOCAL, RUNNING_HERE) or (host and "/" not in host and port.isdigit()):
        return
    raise UsageError(
        f"--ray: expected local, auto, or the HOST:PORT that ray start shows. Found {address!r}."
    )


def probe_address(address: str) -> None:
    """Check that something like Ray answers; Ray itself would try for minutes.

    Raises:
        RunError: Nobody answers, or something that is not Ray.
    """
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), TIMEOUT_SECONDS) as link:
            link.settimeout(TIMEOUT_SECONDS)
            link.sendall(HTTP2_PREFACE)
            answer = link.recv(FRAME_HEADER_BYTES, socket.MSG_WAITALL)
    except (OSError, OverflowError) as error:
        raise RunError(
            f"--ray {address}: nobody answers there: {getattr(error, 'strerror', None) or error}. "
            "Is the cluster up (ray status), and is the port open?"
        ) from error
    if len(answer) < FRAME_HEADER_BYTES or answer[3] != SETTINGS_FRAME:
        raise RunError(f"--ray {address}: what answers there is not Ray. See ray status.")
