"""Ridge classification in closed form.

Classes become targets of +1 and -1, and ridge regression with an intercept fits them, as in
`sklearn.linear_model.RidgeClassifier`. It minimizes

    sum_i w_i |t_i - b - x_i W|^2  +  alpha |W|^2

which has a closed form of the size of the features (primal) or of the number of images (dual).
One eigendecomposition gives it for all `alpha`. Source: Hastie, Tibshirani and Friedman, "The
Elements of Statistical Learning" (2009), sections 3.4.1 and 18.3.5.

Penalties are given as strengths, relative to the spread of the features: `alpha` is the strength
times the sum of `w_i |x_i - mean|^2`, so that a number means the same for every layer, for any
scale of the features and for any number of images.

The arguments of all functions:

    features: `(n, features)` float32 or float64, which is the dtype of the products.
    targets: `(n, classes)` float64, as `encode_targets` returns them.
    weights: `(n,)` float64, of the images.
    strengths: Relative penalties.

They return kernels `(len(strengths), features, classes)` and biases `(len(strengths), classes)`,
or scores `(len(strengths), m, classes)` of `m` images, all float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import lapack

STRENGTHS: tuple[float, ...] = tuple(float(f"{10 ** (step / 2):.3g}") for step in range(-16, -1))
"""The candidates of `alpha: auto`: 1e-08 to 0.1, two a decade."""

BLOCK = 64
"""LAPACK's block size, in columns."""


def encode_targets(labels: np.ndarray, classes: int) -> np.ndarray:
    """Return `(n, classes)` float64: +1 for an image's class, -1 for the others."""
    targets = np.full((len(labels), classes), -1.0)
    targets[np.arange(len(labels)), labels] = 1.0
    return targets


def solve_shifted(matrix: np.ndarray, right: np.ndarray, shifts: np.ndarray) -> np.ndarray:
    """Solve `(matrix + shift * I) x = right` for every shift, from one decomposition.

    It is Householder's: `matrix = Q T Q'` with `T` tridiagonal, the first step of an
    eigendecomposition and a third of its time. A shift changes only the diagonal of `T`. Source:
    Golub and Van Loan, "Matrix Computations" (2013), section 8.3.1.

    Args:
        matrix: `(k, k)` float64, symmetric and positive semi-definite; overwritten.
        right: `(k, classes)` float64.
        shifts: `(shifts,)` float64, positive.

    Returns:
        `(k, shifts * classes)` float64, the solutions side by side.
    """
    size = len(matrix)
    if size < 3:  # Already tridiagonal.
        solved = [np.linalg.solve(matrix + shift * np.eye(size), right) for shift in shifts]
        return np.concatenate(solved, axis=1)
    # The rows of a symmetric matrix are the columns that LAPACK expects: nothing is copied.
    reflectors, diagonal, off_diagonal, tau, _ = lapack.dsytrd(
        matrix.T, lower=1, overwrite_a=1, lwork=size * BLOCK
    )
    reflectors = np.asfortranarray(reflectors[1:, :-1])

    def reflect(block: np.ndarray, transposed: str) -> np.ndarray:
        """Apply `Q` or its transpose, whose first row and column are those of `I`."""
        columns = block.shape[1]
        below, _, _ = lapack.dormqr("L", transposed, reflectors, tau, block[1:], columns * BLOCK)
        return np.concatenate([block[:1], below])

    projected = reflect(right, "T")
    solutions = []
    for shift in shifts:
        _, _, solution, failed = lapack.dptsv(diagonal + shift, off_diagonal, projected)
        # Rounding errors may exceed the smallest shifts; a solution of zeros is never chosen.
        solutions.append(np.zeros_like(projected) if failed else solution)
    return reflect(np.concatenate(solutions, axis=1), "N")


@dataclass(frozen=True)
class Kernel:
    """Inner products of features, which suffice for the dual form.

    Args:
        training: `(n, n)` float64, of the training images with each other.
        validation: `(m, n)` float64, of the validation images with the training images.
    """

    training: np.ndarray
    validation: np.ndarray

    def select(self, positions: np.ndarray) -> Kernel:
        """Return the kernel of some of the training images; `positions` is `(k,)` int64."""
        return Kernel(self.training[np.ix_(positions, positions)], self.validation[:, positions])

    def score(
        self, targets: np.ndarray, weights: np.ndarray, strengths: Sequence[float]
    ) -> np.ndarray:
        """Solve the dual form, and score the validation images."""
        shares = weights / weights.sum()
        root = np.sqrt(weights)[:, np.newaxis]
        means = self.training @ shares  # Of each training image with the mean of all.
        offsets = means - (shares @ means) / 2
        matrix = self.training - offsets
        matrix -= offsets[:, np.newaxis]
        matrix *= root
        matrix *= root.T
        bias = shares @ targets
        right = root * (targets - bias)
        across = self.validation - (self.validation @ shares)[:, np.newaxis]
        across -= means - shares @ means
        solutions = solve_shifted(matrix, right, _scale(matrix, strengths))
        scores: np.ndarray = _separate(across @ (root * solutions), len(strengths)) + bias
        return scores


def solve_dual(
    features: np.ndarray, targets: np.ndarray, weights: np.ndarray, strengths: Sequence[float]
) -> tuple[np.ndarray, np.ndarray]:
    """Return kernels and biases from the dual form, for fewer images than features."""
    shares = weights / weights.sum()
    root = np.sqrt(weights)[:, np.newaxis]
    mean, bias = shares @ features, shares @ targets
    rows = ((features - mean) * root).astype(features.dtype)
    matrix = (rows @ rows.T).astype(np.float64)
    solutions = solve_shifted(matrix, root * (targets - bias), _scale(matrix, strengths))
    kernels = _separate(rows.T @ solutions, len(strengths))
    return kernels, bias - mean @ kernels


def solve(
    features: np.ndarray, targets: np.ndarray, weights: np.ndarray, strengths: Sequence[float]
) -> tuple[np.ndarray, np.ndarray]:
    """Return kernels and biases from the smaller of the two forms."""
    if len(features) <= features.shape[1]:
        return solve_dual(features, targets, weights, strengths)
    moments = Moments(features.shape[1], targets.shape[1])
    moments.add(features, targets, weights)
    return moments.solve(strengths)


def score_images(features: np.ndarray, kernels: np.ndarray, biases: np.ndarray) -> np.ndarray:
    """Return the scores of images; all arguments are as the functions above return them."""
    side_by_side = kernels.transpose(1, 0, 2).reshape(features.shape[1], -1)
    products = _separate(features @ side_by_side, len(kernels))
    scores: np.ndarray = products + biases[:, np.newaxis]
    return scores


def choose_strength(scores: np.ndarray, labels: np.ndarray) -> int:
    """Return the index of the strength with the most hits; of equals that of the least error."""
    hits = (scores.argmax(axis=-1) == labels).sum(axis=1)
    errors = ((scores - encode_targets(labels, scores.shape[-1])) ** 2).sum(axis=(1, 2))
    return int(np.lexsort((errors, -hits))[0])


def _separate(block: np.ndarray, count: int) -> np.ndarray:
    """Reshape `(k, count * classes)`, blocks side by side, to `(count, k, classes)`."""
    return np.ascontiguousarray(block.reshape(len(block), count, -1).transpose(1, 0, 2))


def _scale(matrix: np.ndarray, strengths: Sequence[float]) -> np.ndarray:
    """Return the `alpha` of each strength; if all features are the same, any would do."""
    return (float(np.trace(matrix)) or 1.0) * np.array(strengths)


class Moments:
    """Weighted sums over images, which suffice for the primal form.

    Args:
        features: Numbers of one image.
        classes: Number of classes.
    """

    def __init__(self, features: int, classes: int) -> None:
        self._origin: np.ndarray | None = None
        self._weight = 0.0
        self._sum = np.zeros(features)
        self._squares = np.zeros((features, features))
        self._targets = np.zeros(classes)
        self._products = np.zeros((features, classes))

    def add(self, features: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> None:
        """Add images."""
        if self._origin is None:
            # Near the mean, so that little is lost to rounding when the mean is subtracted.
            self._origin = features.mean(axis=0)
        root = np.sqrt(weights).astype(features.dtype)[:, np.newaxis]
        rows = (features - self._origin) * root
        self._weight += weights.sum()
        self._sum += (rows * root).sum(axis=0, dtype=np.float64)
        self._squares += rows.T @ rows
        self._targets += weights @ targets
        self._products += rows.T @ (targets * root).astype(features.dtype)

    def solve(self, strengths: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
        """Return kernels and biases from the primal form; no images can be added afterwards."""
        if self._origin is None:
            raise ValueError("no images were added")
        mean, bias = self._sum / self._weight, self._targets / self._weight
        matrix = self._squares
        matrix -= np.outer(self._weight * mean, mean)
        right = self._products - np.outer(self._sum, bias)
        solutions = solve_shifted(matrix, right, _scale(matrix, strengths))
        kernels = _separate(solutions, len(strengths))
        return kernels, bias - (self._origin + mean) @ kernels
