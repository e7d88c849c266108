"""A Ray cluster whose nodes are all on this machine."""

import os
import time
from contextlib import contextmanager
from unittest import mock

from framework.distributed.connection import SETTINGS

NODE = {"num_cpus": 1, "object_store_memory": 80 * 2**20}


@contextmanager
def start_nodes():
    """Start a head node without a core and a node of one core; gives `ray`'s `Cluster`."""
    # Ray's own means for tests notes the cluster's address there, but does not make the folder.
    os.makedirs(os.path.join(os.environ["TMPDIR"], "ray"), exist_ok=True)
    with mock.patch.dict(os.environ, {**SETTINGS, "RAY_worker_niceness": "0"}):
        from ray.cluster_utils import Cluster

        head = {**NODE, "num_cpus": 0, "include_dashboard": False}
        cluster = Cluster(initialize_head=True, head_node_args=head)
        try:
            cluster.add_node(**NODE)
            yield cluster
        finally:
            cluster.shutdown()


def wait_until_gone(node):
    """Wait until Ray has noticed that a node was lost, which takes it seconds."""
    import ray

    while any(each["NodeID"] == node.node_id and each["Alive"] for each in ray.nodes()):
        time.sleep(0.1)
