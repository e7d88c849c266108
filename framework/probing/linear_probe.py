"""The accuracy of linear classifiers on the features of a layer, in closed form."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from framework.errors import RunError, UsageError
from framework.evaluation.metrics.classification_metrics import wilson_interval
from framework.training.solvers.ridge import (
    STRENGTHS,
    Kernel,
    choose_strength,
    encode_targets,
    score_images,
    solve,
)
from framework.training.solvers.temperature import fit_temperature

DRAWS = 3
"""Draws of each number of images per class; of all images there is one."""

ALL = "all"

BLOCK = 512
"""Images whose inner products with the others are computed at once."""

PROBED_STRENGTHS = STRENGTHS[::2]
"""One per decade, which finds accuracies within a few tenths of a percentage point."""


@dataclass(frozen=True)
class Accuracy:
    """Validation accuracy of linear classifiers trained on a number of images per class.

    Args:
        mean: Over the draws, in [0, 1].
        low: The lowest lower end of the draws' 95 % intervals (Wilson).
        high: The highest upper end.
        losses: `(m,)` float64, log-loss of each validation image at the best temperature, which
            varies less by chance than accuracy. Empty except for the most images per class.
        seconds: For solving.
    """

    mean: float
    low: float
    high: float
    losses: np.ndarray
    seconds: float


def draw_shots(
    labels: np.ndarray, shots: Sequence[int | str], seed: int
) -> dict[int | str, list[np.ndarray]]:
    """Draw the training images.

    Args:
        labels: `(n,)` int64, of the images to draw from.
        shots: Numbers of images per class, or `"all"`. Smaller classes are drawn whole; a number
            that no class exceeds is left out, since `"all"` is the same.
        seed: Fixes the draws; those of one number do not depend on the other numbers.

    Returns:
        Number -> `(k,)` int64 ascending positions of each draw.

    Raises:
        UsageError: No number is left.
    """
    by_class = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    largest = max(map(len, by_class))
    draws: dict[int | str, list[np.ndarray]] = {}
    for count in shots:
        if count == ALL:
            draws[count] = [np.arange(len(labels))]
        elif isinstance(count, int) and count < largest:
            generators = [np.random.default_rng([seed, count, draw]) for draw in range(DRAWS)]
            draws[count] = [
                np.sort(np.concatenate([rng.permutation(group)[:count] for group in by_class]))
                for rng in generators
            ]
    if not draws:
        raise UsageError(
            f"--shots: no class has more than {largest} images to learn from. Ask for fewer, or "
            'for "all".'
        )
    return draws


class LinearProbe:
    """Linear classifiers on many layers, all on the same draws of the same images.

    Args:
        labels: `(n,)` int64, of the training images.
        validation_labels: `(m,)` int64.
        classes: Number of classes.
        class_weights: Label -> weight of its images; `None`: equal weights.
        draws: From `draw_shots`.
    """

    def __init__(
        self,
        labels: np.ndarray,
        validation_labels: np.ndarray,
        classes: int,
        class_weights: Mapping[int, float] | None,
        draws: Mapping[int | str, Sequence[np.ndarray]],
    ) -> None:
        self._targets = encode_targets(labels, classes)
        self._truth = validation_labels
        weights = class_weights or {}
        self._weights = np.array([weights.get(label, 1.0) for label in labels.tolist()])
        self._draws = draws
        self._most = max(draws, key=lambda shots: len(draws[shots][0]))

    def measure(self, training: np.ndarray, validation: np.ndarray) -> dict[int | str, Accuracy]:
        """Measure the features of a layer.

        Args:
            training: `(n, features)` float32.
            validation: `(m, features)` float32.

        Returns:
            Images per class -> accuracy.

        Raises:
            RunError: A feature is not finite.
        """
        if not (np.isfinite(training).all() and np.isfinite(validation).all()):
            raise RunError("gives numbers that are not finite: its weights are broken.")
        count, features = training.shape
        start = time.perf_counter()
        kernel = _multiply(training, validation) if count <= features else None
        results: dict[int | str, Accuracy] = {}
        for shots, draws in self._draws.items():
            hits, losses = [], []
            for positions in draws:
                targets, weights = self._targets[positions], self._weights[positions]
                if kernel is not None:
                    chosen = kernel.select(positions)
                    scores = chosen.score(targets, weights, PROBED_STRENGTHS)
                else:
                    solved = solve(training[positions], targets, weights, PROBED_STRENGTHS)
                    scores = score_images(validation, *solved)
                best = scores[choose_strength(scores, self._truth)]
                hits.append(int((best.argmax(axis=-1) == self._truth).sum()))
                if shots == self._most:  # Slow, and needed to choose the best layer only.
                    losses.append(fit_temperature(best, self._truth)[1])
            intervals = [wilson_interval(hit, len(self._truth)) for hit in hits]
            results[shots] = Accuracy(
                mean=float(np.mean(hits)) / len(self._truth),
                low=min(low for low, _ in intervals),
                high=max(high for _, high in intervals),
                losses=np.mean(losses, axis=0) if losses else np.zeros(0),
                seconds=time.perf_counter() - start,
            )
            start = time.perf_counter()
        return results


def _multiply(training: np.ndarray, validation: np.ndarray) -> Kernel:
    """Return the inner products of centered features: centering reduces rounding errors."""
    mean = training.mean(axis=0)
    centered = training - mean
    count = len(training)
    products = np.empty((count, count))
    for first in range(0, count, BLOCK):  # The matrix is symmetric: half of it is computed.
        block = slice(first, first + BLOCK)
        products[first:, block] = centered[first:] @ centered[block].T
        products[block, first:] = products[first:, block].T
    return Kernel(products, ((validation - mean) @ centered.T).astype(np.float64))
