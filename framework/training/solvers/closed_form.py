"""Ridge classification of a classifier's last layer, from features that are read once."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import keras
import numpy as np

from framework.errors import RunError
from framework.features.feature_sources import Features
from framework.training.solvers.last_layer import LastLayer
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
    reader = LastLayer(head, training)
    if reader.size > MAX_FEATURES:
        raise RunError(
            f"training_config.solver: {reader.dense.name} reads {reader.size:,} numbers of each "
            f"image, and can be solved for at most {MAX_FEATURES:,}. Put pooling before it."
        )
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
    reader.dense.set_weights([kernels[best] * factor, biases[best] * factor])
    images = views * len(training.images)
    solution = Solution(strengths[best], 1 / factor, reader.size, images)
    logger.info(
        "Solved %s in closed form: %s numbers of %s images, alpha %g, temperature %.3g",
        reader.dense.name,
        f"{solution.features:,}",
        f"{solution.images:,}",
        solution.alpha,
        solution.temperature,
    )
    return solution


def _fit(
    reader: LastLayer,
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
