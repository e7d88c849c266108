"""The nodes of a cluster, their resources, and which of them have the versions of this machine."""

import logging
import platform
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

logger = logging.getLogger(__name__)

# Seconds that a node has to answer.
TIMEOUT_SECONDS = 60.0

# What decides pixels and features, to the last bit.
PACKAGES = ("ray", "tensorflow", "keras", "numpy", "scipy", "pillow")

Versions = Mapping[str, str | None]
"""What is installed -> its version; `None` for what is missing."""


@dataclass(frozen=True)
class Node:
    """A machine of a cluster.

    Args:
        id: Its ID in Ray.
        name: Its host name and address, for people.
        cores: The number of whole processor cores that it offers.
        gpus: The number of whole GPUs that it offers.
    """

    id: str
    name: str
    cores: int
    gpus: int


@dataclass(frozen=True)
class Resources:
    """What a worker may use of its node."""

    cores: int
    gpus: int = 0


def partition_node(node: Node, threads: int) -> list[Resources]:
    """Return the workers of a node: one per GPU; without GPUs, one per `threads` cores.

    Args:
        node: The node.
        threads: The number of threads of each worker's TensorFlow. One worker may have fewer
            cores, where they don't divide evenly.
    """
    if node.gpus:
        return [Resources(max(1, node.cores // node.gpus), 1)] * min(node.gpus, node.cores)
    whole, rest = divmod(node.cores, threads)
    return [Resources(threads)] * whole + ([Resources(rest)] if rest else [])


class Cluster:
    """The nodes of a Ray cluster that this process is connected to.

    Attributes:
        images: How many images each node has computed the features of, by its name.
        lost: How many workers were lost.
    """

    def __init__(self) -> None:
        self.images: Counter[str] = Counter()
        self.lost = 0
        self._fitting: dict[str, bool] = {}

    def find_nodes(self) -> list[Node]:
        """Return the living nodes that have the right versions, and warn of those that don't."""
        nodes = list_nodes()
        for problem in self.check([node for node in nodes if node.id not in self._fitting]):
            logger.warning("! The node is not used: %s", problem)
        return [node for node in nodes if self._fitting.get(node.id)]

    def check(self, nodes: Sequence[Node]) -> list[str]:
        """Compare the versions on nodes with those here; nodes that don't answer are not used.

        Returns:
            For each node that has other versions, its name and the differences.
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
        """Return what was computed where, ready for JSON."""
        return {"images": dict(self.images), "lost_workers": self.lost}


def list_nodes() -> list[Node]:
    """Return the nodes that are alive."""
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
    """Return the versions on each node that answers."""
    import ray

    read = ray.remote(num_cpus=0)(make_version_reader())
    asked = {n: read.options(scheduling_strategy=node_affinity(n.id)).remote() for n in nodes}
    answers: dict[Node, dict[str, str | None]] = {}
    for node, answer in asked.items():
        try:
            answers[node] = ray.get(answer, timeout=TIMEOUT_SECONDS)
        except ray.exceptions.RayTaskError:
            raise
        except ray.exceptions.RayError as error:
            logger.warning("! %s does not answer, and is not used.", node.name)
            logger.debug("%s: %s", node.name, error)
    return answers


def make_version_reader() -> Callable[[], dict[str, str | None]]:
    """Return a function that returns the versions where it runs; `None` for what is missing.

    It is a function within a function, because Ray sends such a one whole: the framework may be
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
    """Return where the versions of a node differ from those here, a phrase each."""
    return [
        f"{package} {found.get(package) or 'missing'} instead of {version}"
        for package, version in wanted.items()
        if found.get(package) != version
    ]


def node_affinity(node_id: str) -> Any:
    """Return the scheduling strategy of what runs on that node or nowhere."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    return NodeAffinitySchedulingStrategy(node_id, soft=False)
