"""Ridge classification of a classifier's last layer, from features that are read once."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from framework.errors import RunError
from framework.features.feature_sources import Features
from framework.features.model_split import unpack_single
from framework.training.solvers.ridge import (
    STRENGTHS,
    Moments,
    choose_strength,
    encode_targets,
    score_images,
    solve_dual,
)
from framework.training.solvers.temperature import fit_temperature

logger = logging.getLogger(__name__)

GATHERED_IMAGES = 2048
"""Images in a matrix product."""

MAX_FEATURES = 32_768
"""Numbers of one image; the equations for more would take over 16 GB."""


@dataclass(frozen=True)
class Solution:
    """What was solved, as `metrics.json` holds it.

    Args:
        alpha: The relative penalty that was chosen.
        temperature: Divides the scores to make logits.
        features: Numbers of one image.
        images: Training images, each view counted.
    """

    alpha: float
    temperature: float
    features: int
    images: int


def solve_head(
    head: keras.Model,
    features: Mapping[str, Features],
    class_weights: Mapping[int, float],
    views: int,
    alpha: float | Literal["auto"],
) -> Solution:
    """Set the last layer of a head to the ridge classifier of its inputs.

    The scores become probabilities by a temperature, which is folded into kernel and bias.

    Args:
        head: From features to probabilities; its last layer is a `Dense` with a softmax, and
            nothing else of it trains.
        features: `training`, and `validation`, which chooses the penalty and the temperature.
        class_weights: Label -> weight; 1 for labels that are missing.
        views: How many views of the training images are read.
        alpha: The relative penalty, or `"auto"`.

    Raises:
        RunError: The layer's inputs are too many, or not finite.
    """
    training = features["training"]
    reader = _Reader(head, training)
    strengths = STRENGTHS if alpha == "auto" else (float(alpha),)
    kernels, biases = _fit(reader, training, class_weights, views, strengths)
    labels = features["validation"].images.labels
    scores = np.concatenate(
        [
            score_images(block, kernels, biases)
            for block, _ in reader.stream(features["validation"], 1, "solving (validation)")
        ],
        axis=1,
    )
    best = choose_strength(scores, labels)
    factor, _ = fit_temperature(scores[best], labels)
    reader.last.set_weights([kernels[best] * factor, biases[best] * factor])
    images = views * len(training.images)
    solution = Solution(strengths[best], 1 / factor, reader.size, images)
    logger.info(
        "Solved %s in closed form: %s numbers of %s images, alpha %g, temperature %.3g",
        reader.last.name,
        f"{solution.features:,}",
        f"{solution.images:,}",
        solution.alpha,
        solution.temperature,
    )
    return solution


def _fit(
    reader: _Reader,
    training: Features,
    class_weights: Mapping[int, float],
    views: int,
    strengths: Sequence[float],
) -> tuple[np.ndarray, np.ndarray]:
    """Solve for each strength, in the smaller of the two forms.

    Returns:
        Kernels `(strengths, features, classes)` and biases `(strengths, classes)`.
    """
    labels = training.images.labels
    targets = encode_targets(labels, reader.classes)
    weights = np.array([class_weights.get(label, 1.0) for label in labels.tolist()])
    blocks = reader.stream(training, views, "solving")
    if views * len(labels) > reader.size:
        moments = Moments(reader.size, reader.classes)
        for block, positions in blocks:
            moments.add(block, targets[positions], weights[positions])
        return moments.solve(strengths)
    rows, order = zip(*blocks, strict=True)
    positions = np.concatenate(order)
    return solve_dual(np.concatenate(rows), targets[positions], weights[positions], strengths)


class _Reader:
    """Reads the inputs of the last layer of a head.

    Args:
        head: From features to probabilities.
        features: What it reads, for their shapes.

    Attributes:
        last: The last layer.
        size: Numbers of one image that it reads.
        classes: Numbers that it returns.

    Raises:
        RunError: It reads too many.
    """

    def __init__(self, head: keras.Model, features: Features) -> None:
        history = head.output._keras_history
        self.last = history.operation
        # Not `input`, which is that of the whole classifier.
        read = self.last._inbound_nodes[history.node_index].input_tensors[0]
        self.size = int(read.shape[-1])
        self.classes = int(head.output_shape[-1])
        if self.size > MAX_FEATURES:
            raise RunError(
                f"training_config.solver: {self.last.name} reads {self.size:,} numbers of each "
                f"image, and can be solved for at most {MAX_FEATURES:,}. Put pooling before it."
            )
        model = keras.Model(unpack_single(head.inputs), read)
        signature = [tf.TensorSpec((None, *spec.shape), spec.dtype) for spec in features.specs]
        self._read = tf.function(
            lambda inputs: tf.cast(model(inputs, training=False), tf.float32),
            input_signature=[unpack_single(signature)],
        )

    def stream(
        self, features: Features, views: int, title: str
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Read all images, view after view.

        Yields:
            `(k, size)` float32, and `(k,)` int64 positions of their images.

        Raises:
            RunError: A number is not finite.
        """
        order = np.arange(len(features.images))
        with tqdm(total=views * len(order), desc=title, unit=" images", leave=False) as progress:
            for view in range(views):
                first, rows = 0, []
                for block in features.stream(order, view):
                    rows.append(self._read(unpack_single(block)).numpy())
                    count = sum(map(len, rows))
                    progress.update(len(rows[-1]))
                    if count < GATHERED_IMAGES and first + count < len(order):
                        continue
                    gathered = np.concatenate(rows)
                    if not np.isfinite(gathered).all():
                        raise RunError(
                            f"What {self.last.name} reads is not finite: the weights below it "
                            "are broken."
                        )
                    yield gathered, order[first : first + count]
                    first, rows = first + count, []
