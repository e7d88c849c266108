"""Features computed by workers on a Ray cluster, against those of this machine alone."""

from __future__ import annotations

import os
import shutil
import tempfile

import networks
import pytest

from framework.cluster import open_cluster
from framework.config.sections import FeatureCache
from framework.features import preparation, staff
from framework.features.cut import Cut, find_cut
from framework.features.preparation import Split, prepare_features

# Ray and its protocols leave sockets to the collector.
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)

STORE_BYTES = 80 * 2**20
NODE = {"num_cpus": 1, "object_store_memory": STORE_BYTES, "include_dashboard": False}


@pytest.fixture(scope="module")
def machines():
    """A cluster of a machine that only leads and one with a single core; more may join."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster as Machines

    folder = tempfile.mkdtemp(prefix="ray")
    head = {**NODE, "num_cpus": 0, "temp_dir": folder}
    machines = Machines(initialize_head=True, head_node_args=head)
    try:
        machines.add_node(**NODE)
        yield machines
    finally:
        machines.shutdown()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def cluster(machines):
    with open_cluster(machines.address) as cluster:
        yield cluster


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    """Cuts 50 images into ten chunks, and lets nobody wait long."""
    monkeypatch.setattr(preparation, "choose_chunk_images", lambda *_: 5)
    monkeypatch.setattr(staff, "LOOK_SECONDS", 0.2)


@pytest.fixture
def cut() -> Cut:
    network = networks.make_chain("block1_pool", "block2_pool")
    return find_cut(network.model, network.backbone_layers)


def prepare(cut, images, directory, cluster=None):
    settings = FeatureCache(directory=str(directory))
    prepare_features(cut, {"training": Split(images, views=2)}, settings, cluster)
    # The names of the files are their checksums.
    return sorted(path.name for path in directory.glob("*/*.npy"))


def test_a_cluster_stores_the_bits_of_one_machine(cut, images, cluster, tmp_path):
    stored = prepare(cut, images, tmp_path / "cluster", cluster)
    assert stored == prepare(cut, images, tmp_path / "alone")
    assert len(stored) == 40
