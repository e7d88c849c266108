"""How far an image is from those that a classifier was trained on."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import IO

import numpy as np
from threadpoolctl import threadpool_limits

COMPONENTS = 128
"""Dimensions in which neighbors are compared."""

MAX_REFERENCES = 30_000
"""Training images that are kept: 4 MB."""

SKETCH_SIZE = 1024
"""Longer embeddings are sketched to this size first, which keeps distances to a few percent."""

BLOCK_ROWS = 1024
"""Images that are compared at a time, which bounds the memory."""


@dataclass(frozen=True)
class NoveltyDetector:
    """Measures the distance to the nearest training image, in the space of the last layer's inputs.

    Source: Sun, Ming, Zhu and Li, "Out-of-Distribution Detection with Deep Nearest Neighbors"
    (2022): features of unit length, and the distance to the nearest ones. Distances are taken in
    the principal components; what lies outside of them counts as distance, too.

    Args:
        mean: `(size,)` float32, of the training images.
        components: `(size, k)` float32, orthonormal.
        scale: `(k,)` float32, the unit of each component in `references`.
        references: `(n, k)` int8, training images.
        validation: `(m,)` float32, the sorted distances of validation images.
    """

    mean: np.ndarray
    components: np.ndarray
    scale: np.ndarray
    references: np.ndarray
    validation: np.ndarray

    @classmethod
    def fit(cls, embeddings: np.ndarray) -> NoveltyDetector | None:
        """Build a detector without a threshold yet.

        Args:
            embeddings: `(n, size)` float32, from `embed`, of training images.

        Returns:
            The detector; `None` if the embeddings are not finite, or all the same.
        """
        if len(embeddings) < 2 or not np.isfinite(embeddings).all():
            return None
        mean = embeddings.mean(axis=0)
        centered = embeddings - mean
        with one_thread():
            _, vectors = np.linalg.eigh(centered.T @ centered)
            components = np.ascontiguousarray(vectors[:, ::-1][:, :COMPONENTS])
            projected = centered @ components
        scale = np.abs(projected).max(axis=0) / 127
        if not scale.any():
            return None
        scale = np.where(scale > 0, scale, 1).astype(np.float32)
        references = np.rint(projected / scale).astype(np.int8)
        return cls(mean, components, scale, references, np.empty(0, np.float32))

    def measure(self, embeddings: np.ndarray) -> np.ndarray:
        """Return `(n,)` float32, the distance of each of `(n, size)` to the nearest reference."""
        references = self.references * self.scale
        squares = np.square(references).sum(axis=1)
        distances = []
        for first in range(0, len(embeddings), BLOCK_ROWS):
            centered = embeddings[first : first + BLOCK_ROWS] - self.mean
            with one_thread():
                projected = centered @ self.components
                products = projected @ references.T
            inside = np.square(projected).sum(axis=1)
            outside = np.square(centered).sum(axis=1) - inside
            nearest = (squares - 2 * products).min(axis=1) + inside
            distances.append(np.maximum(nearest, 0) + np.maximum(outside, 0))
        joined: np.ndarray = np.sqrt(np.concatenate([np.empty(0, np.float32), *distances]))
        return joined.astype(np.float32)

    def find_threshold(self, coverage: float) -> float:
        """Return the distance above which an image is unknown.

        Args:
            coverage: The share of validation images that are known; 1: every image is.
        """
        if coverage >= 1 or len(self.validation) == 0:
            return float("inf")
        return float(np.quantile(self.validation, coverage, method="higher"))

    def write(self, stream: IO[bytes]) -> None:
        """Write it as an `.npz` file."""
        arrays = {field.name: getattr(self, field.name) for field in fields(self)}
        np.savez(stream, allow_pickle=False, **arrays)

    @classmethod
    def read(cls, stream: IO[bytes]) -> NoveltyDetector:
        """Read what `write` wrote."""
        with np.load(stream, allow_pickle=False) as archive:
            return cls(**{field.name: archive[field.name] for field in fields(cls)})


def one_thread() -> threadpool_limits:
    """Let matrix products run in one thread: their last bits depend on the number of threads."""
    return threadpool_limits(1, user_api="blas")


def embed(outputs: np.ndarray) -> np.ndarray:
    """Turn what a classifier's last layer reads into embeddings of unit length.

    Args:
        outputs: `(n, ...)`, such as features or maps of features.

    Returns:
        `(n, size)` float32, at most `SKETCH_SIZE` numbers each.
    """
    rows = outputs.reshape(len(outputs), -1).astype(np.float32)
    if rows.shape[1] > SKETCH_SIZE:
        rows = sketch(rows, SKETCH_SIZE)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    embedded: np.ndarray = rows / np.maximum(lengths, 1e-12)
    return embedded


def sketch(rows: np.ndarray, groups: int) -> np.ndarray:
    """Add up numbers with random signs in random groups, the same ones each time.

    Source: Weinberger et al., "Feature Hashing for Large Scale Multitask Learning" (2009).

    Args:
        rows: `(n, size)` float32.
        groups: How many numbers are left of each row.
    """
    size = rows.shape[1]
    # Not a generator of NumPy, whose numbers may change with its version.
    hashed = (np.arange(1, size + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(
        40
    )
    places = (hashed % groups).astype(np.int64)
    signs = np.where((hashed >> np.uint64(12)) & np.uint64(1), 1, -1).astype(np.float32)
    order = np.argsort(places, kind="stable")
    used, starts = np.unique(places[order], return_index=True)
    sketched = np.zeros((len(rows), groups), np.float32)
    sketched[:, used] = np.add.reduceat(rows[:, order] * signs[order], starts, axis=1)
    return sketched
