"""Near-duplicates: pairs of pictures that one picture was made into.

Candidates are neighbors by the low frequencies of their middles, of which perceptual hashes keep
the signs (Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010), and
by the features of a backbone. The middle of one is compared with windows of the other that are
moved and scaled, so that a picture that was cut, moved or enlarged is still a neighbor.

A candidate is then aligned, and must correlate much better than the other candidates of the same
picture: digits are alike, copies are alike beyond that. The thresholds are those of
`python -m benchmarks.data_issues`.
"""

from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
from scipy.fft import dct

SIDE = 32
"""Rows and columns of a thumbnail, which is gray."""

WINDOW = 24
"""Rows and columns of the window that is compared."""

FREQUENCIES = 8
"""Frequencies in each direction that neighbors are found by."""

NEIGHBORS = 5
"""Candidates of each picture; the last tells how alike unrelated pictures are."""

# Windows: their size, and the rows and columns that they are moved by.
VIEWS = np.array([*product((1 / 1.1, 1.0, 1.1), (-2.0, 0.0, 2.0), (-2.0, 0.0, 2.0))])
CENTER = np.array([1.0, 0.0, 0.0])
# By how much the windows of an alignment differ, from coarse to fine: size, rows and columns.
STEPS = ((0.05, 1.0), (0.05, 1.0), (0.025, 0.5), (0.0125, 0.25))

# The most that the distance of a near-duplicate may be, as a share of that of the last candidate.
MAX_DISTANCE_RATIO = 0.5
# The least that a near-duplicate correlates.
MIN_CORRELATION = 0.94
# The most that a near-duplicate lacks to a correlation of 1, as a share of what the last lacks.
MAX_LACK_RATIO = 0.2

BLOCK = 512
"""Pictures that are compared with all others at a time, which bounds the memory."""


@dataclass(frozen=True)
class NearDuplicates:
    """Pairs of pictures.

    Args:
        first: `(k,)` int64, positions.
        second: `(k,)` int64, larger positions.
        correlation: `(k,)` float64, of the aligned windows, at most 1.
    """

    first: np.ndarray
    second: np.ndarray
    correlation: np.ndarray


def find_near_duplicates(
    thumbnails: np.ndarray, usable: np.ndarray, neighbors: np.ndarray
) -> NearDuplicates:
    """Find pairs of near-duplicates.

    Args:
        thumbnails: `(n, SIDE, SIDE)` uint8, gray.
        usable: `(m,)` int64, the pictures that show enough to be compared.
        neighbors: `(n, k)` int64, other candidates of each: its neighbors by features.
    """
    nothing = NearDuplicates(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    if len(usable) <= NEIGHBORS:
        return nothing
    found, distances = _find_candidates(thumbnails, usable)
    suspects = usable[distances[:, 0] <= MAX_DISTANCE_RATIO * distances[:, -1]]
    if not len(suspects):
        return nothing
    rows = np.searchsorted(usable, suspects)
    candidates = np.concatenate([found[rows], neighbors[suspects]], axis=1)
    correlations = np.stack(
        [_align(thumbnails, suspects, column) for column in candidates.T], axis=-1
    ).reshape(len(suspects), -1)
    correlations[candidates == suspects[:, np.newaxis]] = -1
    order = np.argsort(-correlations[:, :NEIGHBORS], axis=1, kind="stable")
    last = np.take_along_axis(correlations, order[:, -1:], axis=1)[:, 0]
    best = correlations.argmax(axis=1)
    highest = correlations[np.arange(len(best)), best]
    kept = (highest >= MIN_CORRELATION) & (1 - highest <= MAX_LACK_RATIO * (1 - last))
    twins = candidates[np.arange(len(best)), best]
    pairs = np.sort(np.stack([suspects[kept], twins[kept]], axis=1), axis=1)
    unique, where = np.unique(pairs, axis=0, return_index=True)
    return NearDuplicates(unique[:, 0], unique[:, 1], highest[kept][where])


def _find_candidates(thumbnails: np.ndarray, usable: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the pictures whose middles are nearest to any window of each.

    Returns:
        `(m, NEIGHBORS)` int64 positions and float64 distances, for `usable`, the nearest first.
    """
    middles = _describe(thumbnails[usable], CENTER)
    found, distances = [], []
    for first in range(0, len(usable), BLOCK):
        block = usable[first : first + BLOCK]
        likeness = np.full((len(block), len(usable)), -1.0, np.float32)
        for view in VIEWS:  # The largest over all windows is that of the nearest one.
            np.maximum(likeness, _describe(thumbnails[block], view) @ middles.T, out=likeness)
        rows = np.arange(len(block))
        likeness[rows, first + rows] = -1  # A picture is not its own neighbor.
        nearest = np.argpartition(-likeness, NEIGHBORS, axis=1)[:, :NEIGHBORS]
        values = np.take_along_axis(likeness, nearest, axis=1)
        order = np.argsort(-values, axis=1, kind="stable")
        found.append(usable[np.take_along_axis(nearest, order, axis=1)])
        values = np.take_along_axis(values, order, axis=1).astype(np.float64)
        distances.append(np.sqrt(np.maximum(2 - 2 * values, 0)))  # Of vectors of unit length.
    return np.concatenate(found), np.concatenate(distances)


def _describe(pictures: np.ndarray, view: np.ndarray) -> np.ndarray:
    """Return the low frequencies of a window of each picture, `(m, k)` float32, of unit length."""
    size, down, right = view
    low = _make_filter(size, down) @ pictures.astype(np.float32) @ _make_filter(size, right).T
    described = low.reshape(len(pictures), -1)[:, 1:]  # Without the mean.
    lengths = np.linalg.norm(described, axis=1, keepdims=True)
    unit: np.ndarray = described / np.maximum(lengths, 1e-6)
    return unit


@cache
def _make_filter(size: float, shift: float) -> np.ndarray:
    """Return `(FREQUENCIES, SIDE)` float32: interpolates a window, and takes its frequencies."""
    whole, parts = _place_window(np.array([size]), np.array([shift]))
    weights = np.zeros((WINDOW, SIDE))
    rows = np.arange(WINDOW)
    weights[rows, whole[0]] = 1 - parts[0]
    weights[rows, whole[0] + 1] = parts[0]
    filters: np.ndarray = dct(weights, axis=0, norm="ortho")[:FREQUENCIES].astype(np.float32)
    return filters


def _align(thumbnails: np.ndarray, moved: np.ndarray, fixed: np.ndarray) -> np.ndarray:
    """Move and scale windows of pictures until they correlate best with the middle of others.

    Args:
        thumbnails: See `find_near_duplicates`.
        moved: `(m,)` int64, the pictures whose windows are moved.
        fixed: `(m,)` int64, the others.

    Returns:
        `(m,)` float64, the correlations.
    """
    pictures = thumbnails[moved]
    middles = _normalize(_cut_windows(thumbnails[fixed], np.tile(CENTER, (len(fixed), 1))))
    views = np.tile(CENTER, (len(moved), 1))
    best = np.full(len(moved), -1.0)

    def try_views(candidates: np.ndarray) -> None:
        windows = _normalize(_cut_windows(pictures, candidates))
        correlations = np.einsum("ij,ij->i", windows, middles)
        better = correlations > best
        best[better] = correlations[better]
        views[better] = candidates[better]

    for view in VIEWS:
        try_views(np.tile(view, (len(moved), 1)))
    for size, step in STEPS:
        base = views.copy()
        for change in product((-size, 0, size), (-step, 0, step), (-step, 0, step)):
            try_views(base + np.array(change))
    return best


def _normalize(windows: np.ndarray) -> np.ndarray:
    """Return windows as rows of mean 0 and length 1."""
    rows = windows.reshape(len(windows), -1)
    rows = rows - rows.mean(axis=1, keepdims=True)
    normalized: np.ndarray = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)
    return normalized


def _cut_windows(pictures: np.ndarray, views: np.ndarray) -> np.ndarray:
    """Cut a window out of each picture, with bilinear interpolation.

    Args:
        pictures: `(m, SIDE, SIDE)` uint8.
        views: `(m, 3)` float64: the size of the window, and where its middle is.

    Returns:
        `(m, WINDOW, WINDOW)` float32.
    """
    sizes, downs, rights = views.T
    (y, down), (x, right) = _place_window(sizes, downs), _place_window(sizes, rights)
    y, down = y[:, :, np.newaxis], down[:, :, np.newaxis]
    x, right = x[:, np.newaxis, :], right[:, np.newaxis, :]
    numbers = np.arange(len(pictures))[:, np.newaxis, np.newaxis]
    upper = pictures[numbers, y, x] * (1 - right) + pictures[numbers, y, x + 1] * right
    lower = pictures[numbers, y + 1, x] * (1 - right) + pictures[numbers, y + 1, x + 1] * right
    windows: np.ndarray = upper * (1 - down) + lower * down
    return windows


def _place_window(sizes: np.ndarray, shifts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where the rows or columns of windows lie between those of pictures.

    Args:
        sizes: `(m,)`, as a share of `WINDOW`.
        shifts: `(m,)`, of the middle, in pixels.

    Returns:
        `(m, WINDOW)` int64, the row above or the column to the left, and float32, the share of
        the next one.
    """
    grid = np.arange(WINDOW) - (WINDOW - 1) / 2
    places = (SIDE - 1) / 2 + shifts[:, np.newaxis] + grid * sizes[:, np.newaxis]
    places = np.clip(places, 0, SIDE - 1.001)
    whole = places.astype(np.int64)
    return whole, (places - whole).astype(np.float32)
