"""Groups strokes to characters, and characters to lines."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.sparse.csgraph import connected_components

from framework.errors import RunError

# Strokes smaller than this share of the largest one are noise.
MIN_STROKE_RATIO = 0.08
# A stroke shorter than this share of the line, such as a 5's bar, belongs to its neighbor ...
SHORT_STROKE_RATIO = 0.55
# ... if the gap between them is less than this share of the line's height.
MAX_GAP_RATIO = 0.12
# Long strokes, such as a 4's two, belong together if they overlap by this share.
MIN_OVERLAP_RATIO = 0.5
# Strokes at least this share as tall as the tallest make the lines, and the others join them ...
TALL_RATIO = 0.4
# ... and two of them are in one line if their heights overlap by this share of the shorter one.
SAME_LINE_RATIO = 0.4
MAX_STROKES = 300
# Of the picture, that characters cover at most, even where it is cropped to a bold one.
MAX_WRITTEN = 0.6
# Characters that show the slope of their line.
MIN_LINE = 3


@dataclass(frozen=True)
class Strokes:
    """The connected components of the foreground.

    Args:
        labels: `(rows, columns)` int32, the number of the stroke that each pixel belongs to, or 0.
        numbers: `(n,)` int64, the numbers of the strokes that are no noise.
        boxes: `(n, 4)` int64, `top, bottom, left, right` of each.
    """

    labels: np.ndarray
    numbers: np.ndarray
    boxes: np.ndarray

    def select(self, chosen: np.ndarray) -> "Strokes":
        """Return some of the strokes; `chosen` is `(k,)` positions."""
        return Strokes(self.labels, self.numbers[chosen], self.boxes[chosen])


@dataclass(frozen=True)
class Glyph:
    """One character of a picture, before it is framed.

    Args:
        foreground: `(rows, columns)` float32 in [0, 1], cropped to the character.
        row: The number of its line, from 0 at the top.
        middle: `(row, column)` of its bounding box's middle in the picture.
    """

    foreground: np.ndarray
    row: int = 0
    middle: tuple[float, float] = (0.0, 0.0)


def find_glyphs(foreground: np.ndarray, threshold: float) -> list[Glyph]:
    """Find the characters of a picture, line by line, each from left to right.

    Args:
        foreground: `(rows, columns)` float32 in [0, 1].
        threshold: What counts as written.

    Raises:
        RunError: There are more strokes than a page of characters has, or they fill it.
    """
    mask = (foreground > threshold).astype(np.uint8)
    strokes = _find_strokes(mask)
    if len(strokes.numbers) > MAX_STROKES or mask.mean() > MAX_WRITTEN:
        raise RunError(
            f"There are {len(strokes.numbers)} strokes, which cover {mask.mean():.0%} of the "
            "picture: that is not a page of characters."
        )
    return [
        _crop_glyph(foreground, strokes, group, row)
        for row, line in enumerate(_group_lines(strokes))
        for group in _group_line(strokes.boxes[line], strokes.numbers[line])
    ]


def _find_strokes(mask: np.ndarray) -> Strokes:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    left, top, width, height, _ = stats[1:].T.astype(np.int64)
    boxes = np.stack([top, top + height, left, left + width], axis=1)
    strokes = Strokes(labels, np.arange(1, count), boxes)
    size = np.maximum(width, height)
    strokes = strokes.select(np.flatnonzero(size >= MIN_STROKE_RATIO * size.max(initial=0)))
    return strokes


def _group_lines(strokes: Strokes) -> Iterator[np.ndarray]:
    """Yield the positions of the strokes of each line, from the top."""
    if len(strokes.numbers) == 0:
        return
    top, bottom, left, right = strokes.boxes.T
    height = bottom - top
    tall = height >= TALL_RATIO * height.max()
    overlap = np.minimum.outer(bottom, bottom) - np.maximum.outer(top, top)
    shorter = np.minimum.outer(height, height)
    linked = (overlap > SAME_LINE_RATIO * shorter) & np.logical_and.outer(tall, tall)
    # A short stroke belongs to the tall one that it is nearest to, up and down counting double.
    across = np.maximum.outer(left, left) - np.minimum.outer(right, right)
    distance = np.maximum(across, 0) + 2.0 * np.maximum(-overlap, 0)
    for stroke in np.flatnonzero(~tall):
        nearest = np.where(tall, distance[stroke], np.inf).argmin()
        linked[stroke, nearest] = True
    count, line_of = connected_components(linked, directed=False)
    lines = [np.flatnonzero(line_of == line) for line in range(count)]
    yield from sorted(lines, key=lambda line: float(np.mean((top + bottom)[line][tall[line]])))


def _group_line(boxes: np.ndarray, numbers: np.ndarray) -> list[np.ndarray]:
    """Group the strokes of a line to characters.

    Returns:
        The numbers of each character's strokes, left to right.
    """
    top, bottom, left, right = boxes.T
    # Columns between two strokes; negative where they overlap.
    gap = np.maximum.outer(left, left) - np.minimum.outer(right, right)
    np.fill_diagonal(gap, np.iinfo(gap.dtype).max)
    narrower = np.minimum.outer(right - left, right - left)
    line = (bottom - top).max()
    joined = gap < -MIN_OVERLAP_RATIO * narrower
    for stroke in np.flatnonzero(bottom - top < SHORT_STROKE_RATIO * line):
        nearest = gap[stroke].argmin()
        joined[stroke] = False
        joined[stroke, nearest] = gap[stroke, nearest] < MAX_GAP_RATIO * line
    count, group_of = connected_components(joined, directed=False)
    groups = [np.flatnonzero(group_of == group) for group in range(count)]
    groups.sort(key=lambda group: left[group].min())
    return [numbers[group] for group in groups]


def _crop_glyph(foreground: np.ndarray, strokes: Strokes, numbers: np.ndarray, row: int) -> Glyph:
    chosen = np.isin(strokes.numbers, numbers)
    top, _, left, _ = strokes.boxes[chosen].min(axis=0)
    _, bottom, _, right = strokes.boxes[chosen].max(axis=0)
    # Two pixels more, for the soft edges of strokes.
    rows, columns = slice(max(0, top - 2), bottom + 2), slice(max(0, left - 2), right + 2)
    mask = np.isin(strokes.labels[rows, columns], numbers).astype(np.uint8)
    near = cv2.dilate(mask, np.ones((5, 5), np.uint8))
    character = np.where(near, foreground[rows, columns], np.float32(0))
    inner = np.argwhere(mask)
    (first_row, first_column), (last_row, last_column) = inner.min(axis=0), inner.max(axis=0) + 1
    middle = ((top + bottom) / 2, (left + right) / 2)
    return Glyph(character[first_row:last_row, first_column:last_column], row, middle)


def measure_skew(glyphs: Sequence[Glyph]) -> float:
    """Return the angle in degrees by which lines of characters fall to the right.

    It is that of the straight line through the middles of a line's characters, of the median line;
    0 where no line has `MIN_LINE` characters.
    """
    angles = []
    for row in {glyph.row for glyph in glyphs}:
        middles = np.array([glyph.middle for glyph in glyphs if glyph.row == row])
        if len(middles) >= MIN_LINE and np.ptp(middles[:, 1]) > 0:
            slope = np.polyfit(middles[:, 1], middles[:, 0], 1)[0]
            angles.append(float(np.rad2deg(np.arctan(slope))))
    return float(np.median(angles)) if angles else 0.0
