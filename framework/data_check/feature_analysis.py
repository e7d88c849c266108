"""What features say about images: probabilities out of fold, and their neighbors.

Memory grows with the number of images by some hundred numbers each; no matrix holds a number for
each pair of images.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
from scipy.special import softmax
from sklearn.model_selection import StratifiedKFold
from sklearn.neighbors import NearestNeighbors

from framework.data_check.image_features import ImageFeatures
from framework.errors import RunError
from framework.models.novelty import COMPONENTS, embed, sketch
from framework.training.solvers.ridge import (
    STRENGTHS,
    Moments,
    choose_strength,
    encode_targets,
    score_images,
    solve,
)
from framework.training.solvers.temperature import fit_temperature

FOLDS = 5
STRENGTHS_TRIED = STRENGTHS[::2]

FEW_IMAGES = 4096
"""Up to so many images their features are held in memory, and the dual form is solved."""

SOLVED_SIZE = 2048
"""Of more images, longer features are sketched to this size."""

PRINCIPAL_IMAGES = 8192
"""Images that the principal components are found of."""


def predict_out_of_fold(
    features: ImageFeatures, labels: np.ndarray, classes: int, seed: int
) -> np.ndarray:
    """Predict every image by ridge regression on the others, in stratified folds.

    Args:
        features: Of all images.
        labels: `(n,)` int64.
        classes: Number of classes.
        seed: Decides the folds.

    Returns:
        `(n, classes)` float64, calibrated on the labels that are given.

    Raises:
        RunError: A feature is not finite.
    """
    targets = encode_targets(labels, classes)
    folds = np.empty(len(labels), np.int64)
    count = max(2, min(FOLDS, np.bincount(labels).max()))
    divided = StratifiedKFold(count, shuffle=True, random_state=seed)
    for fold, (_, held_out) in enumerate(divided.split(labels, labels)):
        folds[held_out] = fold
    reader = _Reader(features, len(labels))
    solvers = _prepare_solvers(reader, targets, folds)
    scores = np.empty((len(labels), classes))
    strengths: tuple[float, ...] = STRENGTHS_TRIED
    for fold, solve_fold in enumerate(solvers):
        kernels, biases = solve_fold(strengths)
        held_out = np.flatnonzero(folds == fold)
        found = [score_images(rows, kernels, biases) for rows, _ in reader.stream(folds == fold)]
        scored = np.concatenate(found, axis=1)
        chosen = choose_strength(scored, labels[held_out])
        scores[held_out] = scored[chosen]
        strengths = (strengths[chosen],)  # The first fold chooses for the others.
    factor, _ = fit_temperature(scores, labels)
    probabilities: np.ndarray = softmax(scores * factor, axis=1)
    return probabilities


class _Reader:
    """Reads features, sketched where they are many numbers of many images.

    Args:
        features: Of all images.
        count: How many images there are.
    """

    def __init__(self, features: ImageFeatures, count: int) -> None:
        self._features = features
        self.count = count
        self.few = count <= FEW_IMAGES

    def stream(self, wanted: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the features of the images of a mask `(n,)`, and their positions, in blocks."""
        first = 0
        for rows in self._features.stream():
            positions = np.arange(first, first + len(rows))
            first += len(rows)
            inside = wanted[positions]
            if not inside.any():
                continue
            if not np.isfinite(rows).all():
                raise RunError(f"{self._features.name} gives numbers that are not finite.")
            rows = rows[inside]
            if not self.few and rows.shape[1] > SOLVED_SIZE:
                rows = sketch(rows, SOLVED_SIZE)
            yield rows, positions[inside]


FoldSolver = Callable[[Sequence[float]], tuple[np.ndarray, np.ndarray]]
"""Returns kernels and biases for some strengths."""


def _prepare_solvers(reader: _Reader, targets: np.ndarray, folds: np.ndarray) -> list[FoldSolver]:
    """Return what solves for all images but those of each fold; the features are read once."""
    everything = np.ones(reader.count, bool)
    numbers = range(folds.max() + 1)
    if reader.few:
        rows = np.concatenate([block for block, _ in reader.stream(everything)])
        return [
            partial(solve, rows[folds != n], targets[folds != n], np.ones((folds != n).sum()))
            for n in numbers
        ]
    moments: list[Moments] = []
    for block, positions in reader.stream(everything):
        moments = moments or [Moments(block.shape[1], targets.shape[1]) for _ in numbers]
        for fold, sums in enumerate(moments):
            if (trained := folds[positions] != fold).any():
                chosen = positions[trained]
                sums.add(block[trained], targets[chosen], np.ones(len(chosen)))
    return [sums.solve for sums in moments]


def find_neighbors(features: ImageFeatures, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Find the nearest images of each, by features of unit length in principal components.

    Args:
        features: Of all images, more than one.
        count: How many neighbors.

    Returns:
        `(n, count)` float64 distances and int64 positions, the nearest first.
    """
    kept: list[np.ndarray] = []
    held = 0
    for rows in features.stream():
        kept.append(embed(rows))
        held += len(rows)
        if held >= PRINCIPAL_IMAGES:
            break
    sample = np.concatenate(kept)
    mean = sample.mean(axis=0)
    _, vectors = np.linalg.eigh((sample - mean).T @ (sample - mean))
    components = vectors[:, ::-1][:, :COMPONENTS]
    points = np.concatenate([(embed(rows) - mean) @ components for rows in features.stream()])
    points = np.ascontiguousarray(points, np.float32)
    count = min(count, len(points) - 1)
    index = NearestNeighbors(n_neighbors=count, algorithm="brute").fit(points)
    distances, positions = index.kneighbors()  # Without each point itself.
    return distances.astype(np.float64), positions
