"""The last layer of a classifier in closed form, from features that are read once."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from framework.config.model import Config
from framework.errors import RunError
from framework.features.feature_sources import Features
from framework.features.model_split import unpack_single
from framework.training.objectives import weigh_classes
from framework.training.phases import count_stored_views
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
"""Images whose products are taken at a time."""

MAX_FEATURES = 32_768
"""Numbers of one image: the equations for more would take above 16 GB."""


@dataclass(frozen=True)
class Solution:
    """What was solved, for the run's records.

    Args:
        alpha: The relative penalty that was used.
        temperature: What the scores were divided by to make logits.
        features: Numbers of one image.
        images: How many were learnt from, each view counted.
    """

    alpha: float
    temperature: float
    features: int
    images: int


def solve_head(
    head: keras.Model,
    features: Mapping[str, Features],
    config: Config,
    class_names: tuple[str, ...],
    alpha: float | str,
) -> Solution:
    """Set the last layer of a head to the ridge classifier of what it reads.

    The scores become probabilities by a temperature, which is folded into kernel and bias.

    Args:
        head: From features to probabilities; its last layer is a `Dense` with a softmax, and
            nothing else of it trains.
        features: `training`, of which all stored views are read, and `validation`, which chooses
            the penalty and the temperature.
        config: Its class weights and views.
        class_names: The name of each label.
        alpha: The relative penalty, or `"auto"`.

    Raises:
        RunError: What the layer reads is too large, or no finite number.
    """
    reader = _Reader(head, features["training"], len(class_names))
    strengths = STRENGTHS if alpha == "auto" else (float(alpha),)
    kernels, biases, images = _fit(reader, features["training"], config, class_names, strengths)
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
    config: Config,
    class_names: tuple[str, ...],
    strengths: Sequence[float],
) -> tuple[np.ndarray, np.ndarray, int]:
    """Solve for each strength, in the smaller of the two forms.

    Returns:
        Kernels `(strengths, features, classes)`, biases `(strengths, classes)`, and the number
        of images, each view counted.
    """
    labels = training.images.labels
    targets = encode_targets(labels, len(class_names))
    by_label = weigh_classes(config.training_config, labels, class_names) or {}
    weights = np.array([by_label.get(label, 1.0) for label in labels.tolist()])
    views = count_stored_views(config)
    images = views * len(labels)
    blocks = reader.stream(training, views, "solving")
    if images > reader.size:
        moments = Moments(reader.size, len(class_names))
        for block, positions in blocks:
            moments.add(block, targets[positions], weights[positions])
        return *moments.solve(strengths), images
    rows, order = zip(*blocks, strict=True)
    positions = np.concatenate(order)
    fitted = solve_dual(np.concatenate(rows), targets[positions], weights[positions], strengths)
    return *fitted, images


class _Reader:
    """Reads what the last layer of a head does.

    Args:
        head: From features to probabilities.
        features: What it reads, for their shapes.
        classes: What the layer must give.

    Attributes:
        last: The last layer.
        size: Numbers of one image that it reads.

    Raises:
        RunError: These are too many.
    """

    def __init__(self, head: keras.Model, features: Features, classes: int) -> None:
        history = head.output._keras_history
        self.last = history.operation
        # Not `input`, which is that of the whole classifier.
        read = self.last._inbound_nodes[history.node_index].input_tensors[0]
        self.size = int(read.shape[-1])
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
