import dataclasses
import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from framework.config.model import FeatureCache, TrainingConfig
from framework.errors import RunError
from framework.features import pipeline, store
from framework.features.feature_sources import ImageFeatures, StoredFeatures
from framework.features.model_split import ModelSplit, split_model
from framework.features.pipeline import FeatureRequest, prepare_features
from tests.helpers import tiny_networks


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    """Cuts 50 images into five chunks."""
    monkeypatch.setattr(pipeline, "choose_chunk_images", lambda *_: 10)


@pytest.fixture
def split() -> ModelSplit:
    network = tiny_networks.make_chain("block1_pool", "block2_pool")
    return split_model(network.model, network.backbone_layers)


@pytest.fixture
def settings(tmp_path) -> FeatureCache:
    return FeatureCache(directory=str(tmp_path / "store"))


def read(features, positions, view=0):
    blocks = list(features.stream(np.asarray(positions), view))
    return [np.concatenate(arrays) for arrays in zip(*blocks, strict=True)]


def prepare(split, images, settings, views=1):
    wanted = {"training": FeatureRequest(images, views)}
    return prepare_features(split, wanted, TrainingConfig(feature_cache=settings))["training"]


def find_chunks(settings):
    return sorted(Path(settings.directory).glob("*/*.npy"))


@pytest.mark.parametrize("view", [0, 1, 2])
@pytest.mark.parametrize("mode", ["auto", "off"])
def test_features_are_what_the_extractor_gives(split, images, settings, view, mode):
    features = prepare(split, images, dataclasses.replace(settings, mode=mode), views=2)
    positions = np.array([7, 49, 0, 7, 23])
    expected = split.extractor(images.read(positions, view), training=False)
    for found, tensor in zip(read(features, positions, view), expected, strict=True):
        np.testing.assert_allclose(found, tensor, rtol=1e-5, atol=1e-6)


def test_views_differ(split, images, settings):
    features = prepare(split, images, settings, views=2)
    assert np.abs(read(features, [3], 0)[0] - read(features, [3], 1)[0]).max() > 0.01


def test_what_is_stored_is_not_computed_again(split, images, settings, computed):
    prepare(split, images, settings)
    assert sum(computed) == 50
    features = prepare(split, images, settings)
    read(features, range(50))
    assert sum(computed) == 50


def test_more_views_keep_those_that_are_stored(split, images, settings, computed):
    prepare(split, images, settings, views=2)
    prepare(split, images, settings, views=3)
    assert sum(computed) == 150


def test_an_equal_network_finds_the_features_of_another(images, settings, computed):
    first, second = tiny_networks.make_chain(), tiny_networks.make_chain()
    second.model.set_weights(first.model.get_weights())
    for network in (first, second):
        prepare(split_model(network.model, network.backbone_layers), images, settings)
    assert sum(computed) == 50


@pytest.mark.parametrize("change", ["weights", "images", "selection", "size"])
def test_anything_that_decides_the_features_makes_them_new(
    split, images, settings, computed, change
):
    prepare(split, images, settings)
    if change == "weights":
        weight = split.extractor.weights[0]
        weight.assign(weight + 1e-3)
    elif change == "images":
        pixels = images.source.images.copy()
        pixels[13, 4, 4] ^= 1
        images = dataclasses.replace(
            images, source=dataclasses.replace(images.source, images=pixels)
        )
    elif change == "selection":
        images = dataclasses.replace(images, indices=images.indices[::-1])
    elif change == "size":
        images = dataclasses.replace(images, indices=images.indices[:-1])
    prepare(split, images, settings)
    assert sum(computed) == 50 + len(images)


def test_a_killed_run_leaves_chunks_that_the_next_one_uses(
    split, images, settings, computed, monkeypatch
):
    write = pipeline.StoreEntry.write_chunk

    def die_at_third(self, chunk, arrays):
        if chunk == 2:
            (self.directory / ".half-written.npy").write_bytes(b"half")
            raise KeyboardInterrupt
        write(self, chunk, arrays)

    with monkeypatch.context() as patch:
        patch.setattr(pipeline.StoreEntry, "write_chunk", die_at_third)
        with pytest.raises(KeyboardInterrupt):
            prepare(split, images, settings)
    computed.clear()
    features = prepare(split, images, settings)
    assert sum(computed) == 30
    assert len(find_chunks(settings)) == 10  # Two arrays in five chunks; nothing half-written.
    expected = split.extractor(images.read(np.arange(50)), training=False)
    for found, tensor in zip(read(features, range(50)), expected, strict=True):
        np.testing.assert_allclose(found, tensor, rtol=1e-5, atol=1e-6)


def test_two_runs_together_compute_once(split, images, settings, computed):
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(prepare, split, images, settings) for _ in range(2)]
        first, second = (read(run.result(), range(50)) for run in runs)
    assert sum(computed) == 50
    np.testing.assert_array_equal(first[1], second[1])


def test_features_in_use_are_not_removed(split, images, settings):
    features = prepare(split, images, settings)
    (entry,) = features.entries
    other_store = store.FeatureStore(Path(settings.directory), 1.0)
    assert not other_store.remove(entry.key)
    del features
    assert other_store.remove(entry.key)


@pytest.mark.parametrize("damage", ["flip", "truncate", "empty", "remove"])
def test_damaged_chunks_are_found_said_and_computed_again(
    split, images, settings, computed, caplog, damage
):
    sound = [array.copy() for array in read(prepare(split, images, settings), range(50))]
    path = find_chunks(settings)[4]
    content = bytearray(path.read_bytes())
    if damage == "flip":
        content[-5] ^= 1
    path.write_bytes({"truncate": content[:-7], "empty": b""}.get(damage, bytes(content)))
    if damage == "remove":
        path.unlink()
    computed.clear()
    repaired = read(prepare(split, images, settings), range(50))
    assert sum(computed) == 10
    assert ("does not match its checksum" in caplog.text) == (damage != "remove")
    for found, array in zip(repaired, sound, strict=True):
        np.testing.assert_array_equal(found, array)


def test_the_cost_is_told_beforehand(split, images, settings, caplog):
    caplog.set_level(logging.INFO)
    prepare(split, images, settings, views=2)
    assert "Frozen up to block1_pool, block2_pool" in caplog.text
    assert "To compute: 100 of 100 images" in caplog.text
    caplog.clear()
    prepare(split, images, settings)
    assert "All 50 images" in caplog.text


def test_features_over_the_limit_are_not_stored_and_that_is_said(split, images, settings, caplog):
    features = prepare(split, images, dataclasses.replace(settings, limit_gb=1e-6), views=2)
    assert "the frozen part runs in every epoch" in caplog.text
    assert not find_chunks(settings)
    stored = prepare(split, images, settings, views=2)
    assert isinstance(stored, StoredFeatures)
    for found, array in zip(read(features, [4, 8], 1), read(stored, [4, 8], 1), strict=True):
        np.testing.assert_allclose(found, array, rtol=1e-5, atol=1e-6)


def test_a_disk_without_room_is_not_filled(split, images, settings, caplog, monkeypatch):
    monkeypatch.setattr(store, "RESERVED_DISK_BYTES", 10**18)
    prepare(split, images, settings)
    assert "or the disk has room for" in caplog.text
    assert not find_chunks(settings)


def test_without_a_frozen_part_the_images_themselves_are_read(images, settings):
    network = tiny_networks.make_plain()
    features = prepare(split_model(network.model, network.backbone_layers), images, settings)
    assert isinstance(features, ImageFeatures)
    np.testing.assert_array_equal(read(features, [5, 2], 1)[0], images.read(np.array([5, 2]), 1))


def test_a_place_that_cannot_be_written_is_one_clear_error(split, images, settings, tmp_path):
    (tmp_path / "store").write_text("a file, not a directory")
    with pytest.raises(RunError, match=r"feature_cache.directory"):
        prepare(split, images, settings)
