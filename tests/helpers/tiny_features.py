"""Tiny images and a tiny network, whose features can be computed in another process, too."""

import signal
from unittest import mock

import keras
import numpy as np

from framework.config.model import FeatureCache, TrainingConfig
from framework.data.augmentation import Augmentation
from framework.data.images import Images
from framework.data.source import ArraySource
from framework.features import pipeline
from framework.features.model_split import ModelSplit, split_model
from tests.helpers import tiny_networks

VIEWS = 3


def make_images() -> Images:
    """50 grey images of random pixels, shown as RGB, rotated in views above 0."""
    random = np.random.default_rng(1)
    source = ArraySource(
        random.integers(0, 256, (50, 8, 8), dtype=np.uint8), random.integers(0, 3, 50)
    )
    augmentation = Augmentation({"rotation_range": 20}, seed=3)
    return Images(source, np.arange(50), (8, 8, 3), augmentation=augmentation)


def make_split() -> ModelSplit:
    """A chain that is split after two layers; its weights are always the same."""
    keras.utils.set_random_seed(0)
    network = tiny_networks.make_chain("block1_pool", "block2_pool")
    return split_model(network.model, network.backbone_layers)


def extract(directory: str, last: int | None = None) -> None:
    """Stores features in chunks of one image, and prints a line for each that is whole.

    After the last one, if there is one, it stands still until it is killed.
    """
    write = pipeline.StoreEntry.write_chunk

    def write_and_tell(self, chunk, arrays):
        write(self, chunk, arrays)
        print("stored", chunk, flush=True)
        if chunk == last:
            signal.pause()

    with (
        mock.patch.object(pipeline, "choose_chunk_images", return_value=1),
        mock.patch.object(pipeline.StoreEntry, "write_chunk", write_and_tell),
    ):
        requests = {"training": pipeline.FeatureRequest(make_images(), VIEWS)}
        settings = TrainingConfig(feature_cache=FeatureCache(directory=directory))
        pipeline.prepare_features(make_split(), requests, settings)
