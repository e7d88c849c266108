"""The nodes of a cluster, what they offer, and which of them fit."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from framework.distributed.versions import describe_differences, make_version_reader

logger = logging.getLogger(__name__)

# Seconds that a node has to answer.
TIMEOUT_SECONDS = 60.0


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


@dataclass(frozen=True)
class Resources:
    """What a worker may use of its node."""

    cores: int
    gpus: int = 0


def partition_node(node: Node, threads: int) -> list[Resources]:
    """Return the workers of a node: one per GPU; without GPUs, one per `threads` cores.

    Args:
        node: The node.
        threads: As many as each worker's TensorFlow will have. Where fewer cores are left
            they have to do.
    """
    if node.gpus:
        return [Resources(max(1, node.cores // node.gpus), 1)] * min(node.gpus, node.cores)
    whole, rest = divmod(node.cores, threads)
    return [Resources(threads)] * whole + ([Resources(rest)] if rest else [])


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
        """Return the nodes that are there now and have the right packages; says which have not."""
        nodes = list_nodes()
        for problem in self.check([node for node in nodes if node.id not in self._fitting]):
            logger.warning("! The node is not used: %s", problem)
        return [node for node in nodes if self._fitting.get(node.id)]

    def check(self, nodes: Sequence[Node]) -> list[str]:
        """Compare the versions on nodes with those here; silent nodes are said and not used.

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
    asked = {node: read.options(scheduling_strategy=node_affinity(node)).remote() for node in nodes}
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


def node_affinity(node: Node) -> Any:
    """Ray's word for "there or nowhere"."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    return NodeAffinitySchedulingStrategy(node.id, soft=False)


def local_node_affinity() -> Any:
    """As `node_affinity`, for the node that this process belongs to."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    return NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
