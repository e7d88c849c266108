"""The characters of a drawing, found left to right and framed as the training images are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy import ndimage
from scipy.sparse.csgraph import connected_components

from framework.errors import RunError
from framework.inference.polarity import Framing, estimate_background

# Enough for 30 characters side by side; a larger picture is shrunk first.
LONGEST_SIDE = 1200
# Ink differs from its paper by at least this much, of 255.
LEAST_CONTRAST = 32
# Strokes smaller than this share of the largest one are specks of dust.
MIN_STROKE_RATIO = 0.08
# A stroke shorter than this share of the line, such as a 5's bar, belongs to its neighbour ...
SHORT = 0.55
# ... if it is not further away than this share of the line's height.
REACH = 0.12
# Long strokes, such as a 4's two, belong together if they overlap by this share.
OVERLAP = 0.5
MOST_STROKES = 300


@dataclass(frozen=True)
class _Strokes:
    """Connected pieces of ink.

    Args:
        labels: `(rows, columns)` int, which stroke a pixel belongs to; 0 for none.
        left: `(n,)` the first column of each stroke; stroke `i` has label `numbers[i]`.
        right: `(n,)` the column after the last one.
        height: `(n,)` rows.
        numbers: `(n,)` their labels.
    """

    labels: np.ndarray
    left: np.ndarray
    right: np.ndarray
    height: np.ndarray
    numbers: np.ndarray


def find_characters(image: Image.Image, framing: Framing) -> list[np.ndarray]:
    """Find the characters of a drawing or photograph that holds one line of them.

    Args:
        image: In mode `L` or `RGB`, dark ink on light paper or light on dark.
        framing: How each character is scaled and placed.

    Returns:
        One `(side, side)` uint8 image a character, light on dark, left to right; none if
        there is no ink.

    Raises:
        RunError: There are more strokes than a line of characters has.
    """
    ink = measure_ink(image)
    strokes = _find_strokes(ink > _find_threshold(ink)) if ink.any() else None
    if strokes is None or len(strokes.numbers) == 0:
        return []
    groups = _group_strokes(strokes)
    order = np.argsort([strokes.left[group].min() for group in groups], kind="stable")
    return [_cut_out(ink, strokes, groups[place], framing) for place in order]


def measure_ink(image: Image.Image) -> np.ndarray:
    """Tell how much ink each pixel holds.

    Returns:
        `(rows, columns)` float32 in [0, 1]; all zero on an empty page.
    """
    grey = image.convert("L")
    grey.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    pixels = np.asarray(grey, np.float32)
    paper = estimate_background(grey)
    ink = np.maximum(paper - pixels if paper > 127 else pixels - paper, 0)
    return ink / ink.max() if ink.max() >= LEAST_CONTRAST else np.zeros_like(ink)


def _find_threshold(ink: np.ndarray) -> float:
    """Return Otsu's threshold of foreground and background (doi:10.1109/TSMC.1979.4310076)."""
    counts, edges = np.histogram(ink, bins=64, range=(0, 1))
    centres = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    above = ink.size - below
    total = np.cumsum(counts * centres)
    with np.errstate(divide="ignore", invalid="ignore"):
        contrast = total / below - (total[-1] - total) / above
        spread = np.nan_to_num(below * above * contrast**2)
    return float(edges[1:][spread.argmax()])


def _find_strokes(mask: np.ndarray) -> _Strokes:
    labels, _ = ndimage.label(mask, structure=np.ones((3, 3)))
    places = ndimage.find_objects(labels)
    boxes = np.array(
        [(rows.start, rows.stop, columns.start, columns.stop) for rows, columns in places]
    ).reshape(-1, 4)
    height, width = boxes[:, 1] - boxes[:, 0], boxes[:, 3] - boxes[:, 2]
    size = np.maximum(height, width)
    kept = np.flatnonzero(size >= MIN_STROKE_RATIO * size.max(initial=0))
    if len(kept) > MOST_STROKES:
        raise RunError(f"There are {len(kept)} strokes: that is not a line of characters.")
    return _Strokes(labels, boxes[kept, 2], boxes[kept, 3], height[kept], kept + 1)


def _group_strokes(strokes: _Strokes) -> list[np.ndarray]:
    """Return the strokes of each character, as positions in `strokes`."""
    left, right = strokes.left, strokes.right
    # Columns between two strokes; negative where they overlap.
    gap = np.maximum.outer(left, left) - np.minimum.outer(right, right)
    np.fill_diagonal(gap, np.iinfo(gap.dtype).max)
    narrower = np.minimum.outer(right - left, right - left)
    line = strokes.height.max()
    joined = gap < -OVERLAP * narrower
    for stroke in np.flatnonzero(strokes.height < SHORT * line):
        nearest = gap[stroke].argmin()
        joined[stroke] = False
        joined[stroke, nearest] = gap[stroke, nearest] < REACH * line
    count, group_of = connected_components(joined, directed=False)
    return [np.flatnonzero(group_of == group) for group in range(count)]


def _cut_out(ink: np.ndarray, strokes: _Strokes, group: np.ndarray, framing: Framing) -> np.ndarray:
    mask = np.isin(strokes.labels, strokes.numbers[group])
    # Two pixels more, for the soft edges of strokes.
    own = np.where(ndimage.binary_dilation(mask, iterations=2), ink, 0)
    rows, columns = ndimage.find_objects(mask.astype(int))[0]
    return frame_character(own[rows, columns], framing)


def frame_character(ink: np.ndarray, framing: Framing) -> np.ndarray:
    """Scale and place one character as a data set does.

    Args:
        ink: `(rows, columns)` float32 in [0, 1], cut to the character's bounding box.
        framing: How.

    Returns:
        `(side, side)` uint8, light on dark.
    """
    scale = framing.box / max(ink.shape)
    columns, rows = (max(1, round(length * scale)) for length in ink.shape[::-1])
    small = np.asarray(Image.fromarray(ink).resize((columns, rows), Image.Resampling.BOX))
    small = small / max(small.max(), 1e-6)
    # MNIST's centres of mass are at (14.0, 14.0) on average, counted from the first pixel's
    # middle; the middle of a box is half a pixel off that.
    middle = ndimage.center_of_mass(small) if framing.centre == "mass" else (rows / 2, columns / 2)
    top, left = (
        int(np.clip(round(framing.side / 2 - place), 0, framing.side - length))
        for place, length in zip(middle, (rows, columns), strict=True)
    )
    framed = np.zeros((framing.side, framing.side), np.float32)
    framed[top : top + rows, left : left + columns] = small
    return np.rint(255 * framed).astype(np.uint8)
