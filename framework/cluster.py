"""A Ray cluster: reached, checked, and left as it was found.

Ray is an optional package: it is imported only where a cluster is opened.
"""

from __future__ import annotations

import logging
import os
import platform
import secrets
import socket
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from framework.errors import RunError, UsageError, first_sentence

logger = logging.getLogger(__name__)

LOCAL = "local"
RUNNING_HERE = "auto"

# What decides pixels and features, to the last bit.
PACKAGES = ("ray", "tensorflow", "keras", "numpy", "scipy", "pillow")

# Seconds that an address, and then a node, has to answer.
ADDRESS_PATIENCE = 10.0
NODE_PATIENCE = 60.0

# Shared memory for what travels between the processes of a cluster on this machine alone; what
# a run has on its way is bounded, see `framework.features.cluster`.
LOCAL_STORE_BYTES = 2**30

# What a client of HTTP/2, and so of gRPC, opens with: RFC 9113, section 3.4, and an empty
# SETTINGS frame. A server answers with one of its own, whose type is 4.
HTTP2_OPENING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\x04" + bytes(5)
FRAME_HEADER_BYTES = 9
SETTINGS_FRAME = 4

Versions = Mapping[str, str | None]


@dataclass(frozen=True)
class Node:
    """A machine of a cluster.

    Args:
        id: Ray's name of it.
        name: Its host name and address, for people.
        cores: Whole processor cores that it offers.
        gpus: Whole GPUs that it offers.
    """

    id: str
    name: str
    cores: int
    gpus: int


class Cluster:
    """The nodes of a Ray cluster that this process is connected to.

    Attributes:
        images: How many images each node has computed the features of, by its name.
        lost: How many workers were lost on the way.
    """

    def __init__(self) -> None:
        self.images: Counter[str] = Counter()
        self.lost = 0
        self._fitting: dict[str, bool] = {}

    def find_nodes(self) -> list[Node]:
        """The nodes that are there now and have the right packages; says which have not."""
        nodes = _list_nodes()
        for problem in self.check([node for node in nodes if node.id not in self._fitting]):
            logger.warning("! The node is not used: %s", problem)
        return [node for node in nodes if self._fitting.get(node.id)]

    def check(self, nodes: Sequence[Node]) -> list[str]:
        """Compares the versions on nodes with those here; silent nodes are said and not used.

        Returns:
            For each node that can't take part, its name and why.
        """
        problems = []
        wanted = make_version_reader()()
        answers = _ask_versions(nodes)
        self._fitting.update((node.id, False) for node in nodes)
        for node, found in answers.items():
            differences = describe_differences(wanted, found)
            self._fitting[node.id] = not differences
            if differences:
                problems.append(f"{node.name} has {'; '.join(differences)}.")
        return problems

    def describe(self) -> dict[str, Any]:
        """What was computed where, ready for JSON."""
        return {"images": dict(self.images), "lost_workers": self.lost}


@contextmanager
def open_cluster(address: str) -> Iterator[Cluster]:
    """Connects to a cluster and checks its nodes; disconnects after the body.

    Args:
        address: `"local"` starts Ray on this machine for the length of the body; `"auto"`
            finds the cluster that this machine belongs to; `"HOST:PORT"` names it.

    Raises:
        UsageError: The address is none of these.
        RunError: There is no cluster, or a node has other versions than this machine.
    """
    check_form(address)
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    options: dict[str, Any] = {}
    advice = ""
    if address == LOCAL:
        # Nobody else may join: Ray's ports are open to all who can reach this machine. To be set
        # before Ray is imported.
        os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        options = {"include_dashboard": False, "object_store_memory": LOCAL_STORE_BYTES}
    else:
        advice = (
            " This machine must belong to it: ray start --head here, or ray start "
            "--address=HOST:PORT."
        )
    if address not in (LOCAL, RUNNING_HERE):
        reach(address)
    import ray

    try:
        ray.init(address, log_to_driver=False, logging_level=logging.ERROR, **options)
    except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise RunError(
            f"--ray {address}: no Ray cluster can be joined: {first_sentence(error)}{advice}"
        ) from error
    try:
        cluster = Cluster()
        nodes = _list_nodes()
        if problems := cluster.check(nodes):
            raise RunError(
                f"--ray {address}: all nodes of the cluster need the versions of this machine:\n"
                + "\n".join(f"  {problem}" for problem in problems)
                + "\nInstall the same there, or take the node out (ray stop)."
            )
        cores = sum(node.cores for node in nodes)
        logger.info(
            "Ray: %d node(s) with %d processor cores to compute features", len(nodes), cores
        )
        yield cluster
    finally:
        ray.shutdown()


def check_form(address: str) -> None:
    """Makes sure that an address can be one.

    Raises:
        UsageError: It can't.
    """
    host, colon, port = address.rpartition(":")
    if address in (LOCAL, RUNNING_HERE) or (colon and "/" not in host and port.isdigit()):
        return
    raise UsageError(
        f"--ray: expected local, auto, or the HOST:PORT that ray start shows. Found {address!r}."
    )


def reach(address: str) -> None:
    """Makes sure that something like Ray answers, which Ray itself takes minutes to give up on.

    Raises:
        RunError: Nobody answers, or something else.
    """
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), ADDRESS_PATIENCE) as link:
            link.settimeout(ADDRESS_PATIENCE)
            link.sendall(HTTP2_OPENING)
            answer = link.recv(FRAME_HEADER_BYTES, socket.MSG_WAITALL)
    except (OSError, OverflowError) as error:
        raise RunError(
            f"--ray {address}: nobody answers there: {getattr(error, 'strerror', None) or error}. "
            "Is the cluster up (ray status), and is the port open?"
        ) from error
    if len(answer) < FRAME_HEADER_BYTES or answer[3] != SETTINGS_FRAME:
        raise RunError(f"--ray {address}: what answers there is not Ray. See ray status.")


def _list_nodes() -> list[Node]:
    import ray

    return [
        Node(
            id=node["NodeID"],
            name=f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']})",
            cores=int(node["Resources"].get("CPU", 0)),
            gpus=int(node["Resources"].get("GPU", 0)),
        )
        for node in ray.nodes()
        if node["Alive"]
    ]


def _ask_versions(nodes: Sequence[Node]) -> dict[Node, dict[str, str | None]]:
    """The versions on each node that answers."""
    import ray

    read = ray.remote(num_cpus=0)(make_version_reader())
    asked = {node: read.options(scheduling_strategy=stay_on(node)).remote() for node in nodes}
    answers: dict[Node, dict[str, str | None]] = {}
    for node, answer in asked.items():
        try:
            answers[node] = ray.get(answer, timeout=NODE_PATIENCE)
        except ray.exceptions.RayTaskError:
            raise
        except ray.exceptions.RayError as error:
            logger.warning("! %s does not answer, and is not used.", node.name)
            logger.debug("%s: %s", node.name, error)
    return answers


def stay_on(node: Node) -> Any:
    """Ray's word for "there or nowhere"."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    return NodeAffinitySchedulingStrategy(node.id, soft=False)


def make_version_reader() -> Callable[[], dict[str, str | None]]:
    """A function that tells the versions where it runs; `None` for what is missing.

    A function within a function, because Ray sends such a one whole: the framework may be
    missing where it runs.
    """
    packages = PACKAGES
    read_python = platform.python_version

    def read_versions() -> dict[str, str | None]:
        from importlib.metadata import PackageNotFoundError, version

        versions: dict[str, str | None] = {"Python": read_python()}
        try:
            from framework import __version__

            versions["transfer-framework"] = __version__
        except ImportError:
            versions["transfer-framework"] = None
        for package in packages:
            try:
                versions[package] = version(package)
            except PackageNotFoundError:
                versions[package] = None
        return versions

    return read_versions


def describe_differences(wanted: Versions, found: Versions) -> list[str]:
    """Where the versions of a node differ from those here, a phrase each."""
    return [
        f"{package} {found.get(package) or 'missing'} instead of {version}"
        for package, version in wanted.items()
        if found.get(package) != version
    ]
