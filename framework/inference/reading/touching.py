"""Candidates for the cut between two characters that touch."""

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np

from framework.inference.reading.segmentation import Glyph

# Width relative to height from which a glyph may be two characters.
MIN_ASPECT = 0.85
# Slopes of a cut: columns that it moves to the right for each row upwards.
SLOPES = (0.0, 0.25, 0.5)
# Candidates for each slope, which lie apart by this share of the width at least.
CUTS, APART = 5, 0.06
# Of the width: neither half is narrower.
MIN_HALF = 0.15


def may_touch(glyph: Glyph) -> bool:
    """Return whether a glyph is so wide that it may be two characters."""
    rows, columns = glyph.foreground.shape
    return bool(columns >= MIN_ASPECT * rows)


def list_cuts(glyph: Glyph) -> Iterator[tuple[Glyph, Glyph]]:
    """Yield pairs of glyphs that one may be cut into, where it is the thinnest."""
    rows, columns = glyph.foreground.shape
    for slope in SLOPES:
        shift = round(slope * rows)
        shear = np.array([[1, slope, 0], [0, 1, 0]], np.float32)
        upright = cv2.warpAffine(glyph.foreground, shear, (columns + shift, rows))
        for column in _find_thin_columns(upright.sum(axis=0), columns):
            edges = column - slope * np.arange(rows)
            is_left = np.arange(columns)[None] < edges[:, None]
            halves = (np.where(side, glyph.foreground, 0) for side in (is_left, ~is_left))
            first, second = (_crop(half.astype(np.float32)) for half in halves)
            if first is not None and second is not None:
                yield replace(glyph, foreground=first), replace(glyph, foreground=second)


def _find_thin_columns(sums: np.ndarray, width: int) -> list[int]:
    """Return the columns of the least sums that lie apart, and leave enough on both sides."""
    total = np.cumsum(sums) / max(float(sums.sum()), 1e-6)
    inside = (total > MIN_HALF) & (total < 1 - MIN_HALF)
    chosen: list[int] = []
    for column in np.argsort(sums, kind="stable").tolist():
        if inside[column] and all(abs(column - other) >= APART * width for other in chosen):
            chosen.append(column)
            if len(chosen) == CUTS:
                break
    return chosen


def _crop(half: np.ndarray) -> np.ndarray | None:
    """Return the largest connected part of one side of a cut, with what is near its size."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats((half > 0.3).astype(np.uint8))
    if count < 2:
        return None
    areas = stats[1:, cv2.CC_STAT_AREA]
    kept = 1 + np.flatnonzero(areas >= 0.1 * areas.max())
    mask = cv2.dilate(np.isin(labels, kept).astype(np.uint8), np.ones((5, 5), np.uint8))
    kept_half = np.where(mask, half, 0)
    places = np.argwhere(kept_half > 0.3)
    (top, left), (bottom, right) = places.min(axis=0), places.max(axis=0) + 1
    return np.ascontiguousarray(kept_half[top:bottom, left:right])
