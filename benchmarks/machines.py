"""A Ray cluster whose nodes are all on this machine."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from framework.data.images import Images
from framework.distributed.cluster import Cluster
from framework.distributed.connection import SETTINGS, open_cluster
from framework.features.extractor import Extractor
from framework.features.ray_executor import RayExecutor

STORE_BYTES = 200 * 2**20


class Machines:
    """Nodes of one core each; this process belongs to a further one without any.

    Attributes:
        cluster: As the framework sees it.
    """

    def __init__(self, nodes: Any, cluster: Cluster) -> None:
        self._nodes = nodes
        self.cluster = cluster

    def add(self) -> None:
        """Let a node join."""
        self._nodes.add_node(num_cpus=1, object_store_memory=STORE_BYTES)

    def kill(self, node_id: str) -> None:
        """Kill all processes of a node."""
        node = next(node for node in self._nodes.list_all_nodes() if node.node_id == node_id)
        self._nodes.remove_node(node, allow_graceful=False)


@contextmanager
def start_machines(count: int) -> Iterator[Machines]:
    """Start a cluster of `count` one-core nodes."""
    # Sockets lie there, and their paths must be short.
    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as folder:
        os.mkdir(os.path.join(folder, "ray"))  # Ray notes the cluster's address there.
        os.environ |= SETTINGS | {"RAY_TMPDIR": folder, "RAY_worker_niceness": "0"}
        from ray.cluster_utils import Cluster as Nodes

        resources = {"object_store_memory": STORE_BYTES}
        nodes = Nodes(True, head_node_args={**resources, "num_cpus": 0, "include_dashboard": False})
        try:
            for _ in range(count):
                nodes.add_node(**resources, num_cpus=1)
            with open_cluster(nodes.address) as cluster:
                yield Machines(nodes, cluster)
        finally:
            nodes.shutdown()


def start_executor(extractor: Extractor, cluster: Cluster, images: Images) -> RayExecutor:
    """Return an executor whose workers have all loaded the extractor.

    Args:
        extractor: What computes.
        cluster: Where.
        images: What it computes meanwhile.
    """
    executor = RayExecutor(extractor, cluster)
    chunks = dict(enumerate(np.arange(len(images)).reshape(-1, 1)))
    for _ in executor.compute(images, 0, chunks, lambda count: None):
        pass
    return executor
