"""Features computed by workers on a Ray cluster, against those of this machine alone."""

import importlib.metadata
import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

import numpy as np
import pytest
from PIL import Image

from framework.config.model import FeatureCache, TrainingConfig
from framework.data.images import Images
from framework.data.sources.image_folder import load_folder
from framework.distributed import tasks
from framework.distributed.cluster import Cluster, Node, Resources, partition_node
from framework.distributed.connection import inspect_cluster, open_cluster
from framework.errors import RunError
from framework.features import pipeline, ray_executor
from framework.features.extractor import Extractor
from framework.features.model_split import ModelSplit, split_model
from framework.features.pipeline import FeatureRequest, prepare_features
from framework.features.ray_executor import compute_chunk
from tests.helpers import tiny_networks
from tests.helpers.program import ROOT, read_json
from tests.helpers.ray_nodes import NODE, wait_until_gone

pytestmark = pytest.mark.long

CONFIG = """
training_config: {epochs: 1, feature_cache: {augmented_views: 2}}
data_config:
  dataset: digits
  limit: {train: 120, test: 40}
  data_augmentation: {rotation_range: 10}
model_configuration:
  model_name: MobileNet
  model_arguments: {alpha: 0.25}
  weights: null
  model_top_config:
    flat: {layer_type: Flatten, input_layer: conv_pw_2_relu}
    digit: {layer_type: Dense, initializing_parameters: {units: 10, activation: softmax}}
"""


@pytest.fixture(scope="module")
def cluster(ray_nodes):
    with open_cluster(ray_nodes.address) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def split() -> ModelSplit:
    network = tiny_networks.make_chain("block1_pool", "block2_pool")
    return split_model(network.model, network.backbone_layers)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    """Split 50 images into ten chunks, and let nobody wait long."""
    monkeypatch.setattr(pipeline, "choose_chunk_images", lambda *_: 5)
    monkeypatch.setattr(tasks, "POLL_SECONDS", 0.2)


def prepare(split, images, directory, cluster=None, precision="float32"):
    cache = FeatureCache(directory=str(directory), precision=precision)
    settings = TrainingConfig(feature_cache=cache)
    prepare_features(split, {"training": FeatureRequest(images, views=2)}, settings, cluster)
    # The names of the files are their checksums.
    return sorted(path.name for path in directory.glob("*/*.npy"))


def act_in_worker(monkeypatch, marker, act):
    """Let the worker act that first computes a certain chunk, beside noting its node down."""

    def compute_or_act(shared, images, view):
        if images.indices[0] == 15 and not marker.exists():
            marker.write_text(ray.get_runtime_context().get_node_id())
            act()
        return compute_chunk(shared, images, view)

    import ray

    monkeypatch.setattr(ray_executor, "compute_chunk", compute_or_act)


def test_a_lost_worker_is_replaced_and_the_bits_are_those_of_one_machine(
    split, images, cluster, tmp_path, monkeypatch, caplog
):
    alone = prepare(split, images, tmp_path / "alone")
    lost, computed = cluster.lost, cluster.images.total()
    act_in_worker(monkeypatch, tmp_path / "node", lambda: os.kill(os.getpid(), signal.SIGKILL))

    stored = prepare(split, images, tmp_path / "cluster", cluster)

    assert stored == alone
    assert len(stored) == 40  # Two arrays in ten chunks, of two views.
    assert cluster.lost == lost + 1
    assert cluster.images.total() == computed + 100
    assert "! Lost 1 worker of the Ray cluster: " in caplog.text
    assert "other last bits" not in caplog.text


def test_bfloat16_has_the_bits_of_one_machine(split, images, cluster, tmp_path, caplog):
    alone = prepare(split, images, tmp_path / "alone", precision="bfloat16")
    assert prepare(split, images, tmp_path / "cluster", cluster, "bfloat16") == alone
    assert "other last bits" not in caplog.text


def test_a_lost_node_costs_its_chunks_and_nothing_else(
    split, images, ray_nodes, cluster, tmp_path, monkeypatch, capfd
):
    alone = prepare(split, images, tmp_path / "alone")
    ray_nodes.add_node(**NODE)
    lost, marker = cluster.lost, tmp_path / "node"
    # It never ends, so that it is lost with the chunk it has, and not between two.
    act_in_worker(monkeypatch, marker, lambda: time.sleep(3600))

    def remove_its_node():
        deadline = time.monotonic() + 300
        while not (marker.exists() and marker.read_text()) and time.monotonic() < deadline:
            time.sleep(0.1)
        nodes = {node.node_id: node for node in ray_nodes.list_all_nodes()}
        ray_nodes.remove_node(node := nodes[marker.read_text()], allow_graceful=False)
        return node

    with ThreadPoolExecutor() as threads:
        removed = threads.submit(remove_its_node)
        assert prepare(split, images, tmp_path / "cluster", cluster) == alone
    assert cluster.lost == lost + 1
    wait_until_gone(removed.result())
    said = "".join(capfd.readouterr())
    assert "aylet" not in said
    assert "core_worker" not in said


def test_other_last_bits_of_a_node_are_told_once(
    split, images, cluster, tmp_path, monkeypatch, caplog
):
    monkeypatch.setattr(Extractor, "fingerprint_output", lambda self: "other bits")
    prepare(split, images, tmp_path / "store", cluster)
    assert caplog.text.count("computes other last bits than this machine") == 1


def test_a_worker_loads_the_extractor_once(split, images, cluster, tmp_path):
    import ray

    def count_loads(shared):
        loads = []

        def unpack(packed, unpack=Extractor.unpack):
            loads.append(packed)
            return unpack(packed)

        with mock.patch.object(Extractor, "unpack", unpack):
            for _ in range(3):
                arrays, _ = compute_chunk(shared, images.pack(np.arange(5)), 0)
        return len(loads), [array.shape for array in arrays]

    extractor = Extractor(split.extractor)
    count = ray.remote(count_loads).remote([ray.put(extractor.pack())])
    assert ray.get(count) == (1, [(5, *spec.shape) for spec in extractor.specs])


def test_pictures_are_decoded_by_the_workers(split, cluster, tmp_path):
    random = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for number in range(10):
            pixels = random.integers(0, 256, (9, 7, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "pictures" / name / f"{number}.jpg")
    source = load_folder(tmp_path / "pictures").train
    images = Images(source, np.arange(len(source.labels)), (8, 8, 3))

    assert prepare(split, images, tmp_path / "cluster", cluster) == prepare(
        split, images, tmp_path / "alone"
    )
    source.paths[3].write_bytes(b"no picture any more")
    with pytest.raises(RunError, match=f"{source.paths[3].name}: is not a picture"):
        prepare(split, images, tmp_path / "again", cluster)


def test_images_that_end_every_worker_end_the_run(split, images, cluster, tmp_path, monkeypatch):
    def crash(shared, images, view):
        os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(ray_executor, "compute_chunk", crash)
    monkeypatch.setattr(ray_executor, "MAX_RETRIES", 1)
    with pytest.raises(
        RunError,
        match=r"^Lost 2 workers of the Ray cluster, .* over the same 5 images.*enough memory",
    ):
        prepare(split, images, tmp_path / "store", cluster)


def test_a_cluster_without_a_free_core_is_waited_for_and_then_told(
    split, images, cluster, tmp_path, monkeypatch, caplog
):
    monkeypatch.setattr(tasks, "partition_node", lambda *_: [])
    monkeypatch.setattr(ray_executor, "TIMEOUT_SECONDS", 0.3)
    with pytest.raises(RunError, match="has had no worker for"):
        prepare(split, images, tmp_path / "store", cluster)
    assert "waiting for one" in caplog.text


def test_nodes_with_other_versions_are_refused_and_later_ones_not_used(
    cluster, monkeypatch, caplog
):
    version = importlib.metadata.version
    newer = {"keras": "99.0", "pillow": "98.0"}
    monkeypatch.setattr(
        importlib.metadata, "version", lambda name: newer.get(name) or version(name)
    )
    with pytest.raises(RunError) as caught:
        inspect_cluster("auto")
    lines = str(caught.value).splitlines()
    assert lines[0] == "--ray auto: all nodes of the cluster need the versions of this machine:"
    assert len(lines) == 4  # Two nodes.
    assert f"has keras {version('keras')} instead of 99.0; pillow {version('pillow')}" in lines[1]

    assert Cluster().find_nodes() == []
    assert "The node is not used" in caplog.text


@pytest.mark.parametrize(
    ("cores", "gpus", "shares"),
    [
        (0, 0, []),
        (1, 0, [Resources(1)]),
        (10, 0, [Resources(4), Resources(4), Resources(2)]),
        (8, 2, [Resources(4, 1), Resources(4, 1)]),
        (2, 4, [Resources(1, 1), Resources(1, 1)]),
    ],
)
def test_a_node_is_shared_out(cores, gpus, shares):
    assert partition_node(Node("id", "name", cores, gpus), threads=4) == shares


def test_a_checkout_that_is_not_installed_runs_on_a_cluster_of_its_own(tmp_path):
    shutil.copytree(ROOT / "framework", tmp_path / "framework")
    shutil.copy(ROOT / "run.py", tmp_path)
    # Workers that found the installed package would be refused for its version.
    with (tmp_path / "framework" / "__init__.py").open("a") as package:
        package.write('\n__version__ = "0.0.checkout"\n')
    (tmp_path / "small.yaml").write_text(CONFIG)
    result = subprocess.run(
        [sys.executable, "run.py", "--config", "small.yaml", "--output", "run", "--ray", "local"],
        cwd=tmp_path,
        env={**os.environ, "TRANSFER_FRAMEWORK_CACHE": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("Ray: ")
    assert "by the workers of 1 Ray node." in result.stdout
    noise = [line for line in result.stderr.splitlines() if "images" not in line]
    assert not any("ray" in line.lower() for line in noise), result.stderr
    work = read_json(tmp_path / "run" / "environment.json")["ray"]
    assert sum(work["images"].values()) == 108 + 12 + 40
