"""The features that images are compared by: the best layer of a backbone, or the pixels."""

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from framework.config import Config
from framework.config.catalog import NO_BACKBONE
from framework.data.images import Images
from framework.data.splits import Splits
from framework.features.layer_features import LayerFeatures, enable_store, prepare_layers
from framework.models.builder import assemble_backbone
from framework.probing.backbone_probe import (
    VALIDATION_SHARE,
    measure_layers,
    sample_images,
)
from framework.probing.candidates import choose_layers, find_own_layers, find_split_points
from framework.probing.linear_probe import ALL
from framework.probing.pooling import LayerOutput, Pooling, describe_output
from framework.probing.probe_rows import find_best
from framework.runs.run_directory import locate_weights
from framework.utils.fallbacks import Fallback

logger = logging.getLogger(__name__)

PROBED_IMAGES = 1200
"""Images that tell which layer is the best."""

BLOCK_BYTES = 32 * 2**20


class ImageFeatures(Protocol):
    """The features of the images of all splits, in one order."""

    @property
    def name(self) -> str:
        """What they are, for people."""

    def stream(self) -> Iterator[np.ndarray]:
        """Yield `(k, features)` float32, `k` images at a time."""


@dataclass(frozen=True)
class LayerImageFeatures:
    """The pooled output of a layer, from the store.

    Args:
        features: Of the layer, for all splits.
        output: Which layer.
        pooling: How it is read.
        counts: Split -> its number of images.
    """

    features: LayerFeatures
    output: LayerOutput
    pooling: Pooling
    counts: Mapping[str, int]

    @property
    def name(self) -> str:
        """What they are, for people."""
        return f"{self.output.name} ({self.pooling})"

    def stream(self) -> Iterator[np.ndarray]:
        """Yield the features in blocks; see `ImageFeatures`."""
        stored = sum(math.prod(tensor.shape[1:]) for tensor in self.output.tensors)
        step = max(1, BLOCK_BYTES // (4 * stored))
        for split, count in self.counts.items():
            for first in range(0, count, step):
                positions = np.arange(first, min(first + step, count))
                arrays = self.features.entries[self.output.name, split].read(positions)
                yield self.output.pool(arrays, self.pooling)


@dataclass(frozen=True)
class PixelFeatures:
    """The pixels, for a network without a backbone."""

    splits: Sequence[Images]
    name: str = "pixels"

    def stream(self) -> Iterator[np.ndarray]:
        """Yield the pixels in blocks; see `ImageFeatures`."""
        step = max(1, BLOCK_BYTES // (4 * math.prod(self.splits[0].shape)))
        for images in self.splits:
            for first in range(0, len(images), step):
                positions = np.arange(first, min(first + step, len(images)))
                yield images.read(positions).reshape(len(positions), -1) / 255


def prepare_image_features(
    config: Config, splits: Splits, class_names: tuple[str, ...], stack: ExitStack
) -> tuple[ImageFeatures, Fallback | None]:
    """Find the layer whose linear classifier is the best, and compute its output for all images.

    The layers that the config's own top reads are computed and stored in the same pass, where a
    run will find them.

    Args:
        config: Names backbone, weights, seed and store.
        splits: The images.
        class_names: The name of each label.
        stack: Removes a temporary store at its end.

    Returns:
        The features, and what the weights were replaced by if they could not be loaded.

    Raises:
        RunError: Weights or images can't be loaded, or there is no room for the features.
    """
    images = {name: replace(each, augmentation=None) for name, each in splits.by_name().items()}
    model = config.model_configuration
    if model.model_name == NO_BACKBONE:
        logger.info("There is no backbone: the pixels are compared.")
        return PixelFeatures(list(images.values())), None
    config = replace(config, model_configuration=locate_weights(model))
    training = enable_store(config.training_config, stack)
    config = replace(config, training_config=training)
    limit = max(PROBED_IMAGES, math.ceil(len(class_names) / VALIDATION_SHARE))
    seed = training.seed
    sample = sample_images(splits, len(class_names), limit, seed)
    backbone, fallback = assemble_backbone(config)
    own = find_own_layers(config, backbone)
    layers = choose_layers(backbone, model.model_name, "auto", own)
    best = find_best(measure_layers(config, backbone, layers, (ALL,), sample, class_names))
    outputs = {name: describe_output(backbone, name) for name in {best.layer, *own}}
    logger.info("")
    logger.info(
        "The images are compared by %s (%s), which is the best layer for these classes.",
        best.layer,
        best.pooling,
    )
    features = prepare_layers(
        backbone,
        {name: outputs[name].tensors for name in sorted(outputs)},
        images,
        training,
        shared=outputs.keys() <= set(find_split_points(backbone)),
    )
    counts = {name: len(each) for name, each in images.items()}
    return LayerImageFeatures(features, outputs[best.layer], best.pooling, counts), fallback
