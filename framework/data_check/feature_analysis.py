"""What features say about images: probabilities out of fold, and their neighbors.

Memory grows with the number of images by some hundred numbers each; no matrix holds a number for
each pair of images.
"""

from collections.abc import Iterator
from itertools import chain

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
    few = len(labels) <= FEW_IMAGES
    folds = np.empty(len(labels), np.int64)
    counts = np.bincount(labels, minlength=classes)
    divided = StratifiedKFold(max(2, min(FOLDS, counts.max())), shuffle=True, random_state=seed)
    for fold, (_, held_out) in enumerate(divided.split(labels, labels)):
        folds[held_out] = fold
    targets = encode_targets(labels, classes)
    blocks = list(_stream(features, few)) if few else None
    scores = np.empty((len(labels), classes))
    strengths = STRENGTHS_TRIED
    for fold in range(folds.max() + 1):
        source = iter(blocks) if blocks is not None else _stream(features, few)
        kernels, biases = _fit(source, targets, folds != fold, strengths)
        source = iter(blocks) if blocks is not None else _stream(features, few)
        held_out = np.concatenate(
            [
                score_images(rows[inside], kernels, biases)
                for rows, positions in source
                if (inside := folds[positions] == fold).any()
            ],
            axis=1,
        )
        chosen = choose_strength(held_out, labels[folds == fold])
        scores[folds == fold] = held_out[chosen]
        strengths = (strengths[chosen],)  # The first fold chooses for the others.
    factor, _ = fit_temperature(scores, labels)
    probabilities: np.ndarray = softmax(scores * factor, axis=1)
    return probabilities


def _stream(features: ImageFeatures, few: bool) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    first = 0
    for rows in features.stream():
        if not np.isfinite(rows).all():
            raise RunError(f"{features.name} gives numbers that are not finite.")
        if not few and rows.shape[1] > SOLVED_SIZE:
            rows = sketch(rows, SOLVED_SIZE)
        yield rows, np.arange(first, first + len(rows))
        first += len(rows)


def _fit(
    blocks: Iterator[tuple[np.ndarray, np.ndarray]],
    targets: np.ndarray,
    trained: np.ndarray,
    strengths: tuple[float, ...],
) -> tuple[np.ndarray, np.ndarray]:
    """Solve for the images of a mask `(n,)`, and return kernels and biases."""
    count, classes = int(trained.sum()), targets.shape[1]
    if count <= FEW_IMAGES:
        rows = np.concatenate([block[trained[positions]] for block, positions in blocks])
        return solve(rows, targets[trained], np.ones(count), strengths)
    first = next(blocks)
    moments = Moments(first[0].shape[1], classes)
    for block, positions in chain([first], blocks):
        if (inside := trained[positions]).any():
            moments.add(block[inside], targets[positions[inside]], np.ones(inside.sum()))
    return moments.solve(strengths)


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
