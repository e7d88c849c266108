"""Segmentation of a drawing into characters, framed as the training images are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy import ndimage
from scipy.sparse.csgraph import connected_components

from framework.errors import RunError
from framework.inference.polarity import Framing, estimate_background

# Pixels: enough for 30 characters side by side; a larger image is shrunk first.
MAX_SIDE = 1200
# The least difference of any foreground from the background, of 255.
MIN_CONTRAST = 32
# Strokes smaller than this share of the largest one are noise.
MIN_STROKE_RATIO = 0.08
# A stroke shorter than this share of the line, such as a 5's bar, belongs to its neighbor ...
SHORT_STROKE_RATIO = 0.55
# ... if the gap between them is less than this share of the line's height.
MAX_GAP_RATIO = 0.12
# Long strokes, such as a 4's two, belong together if they overlap by this share.
MIN_OVERLAP_RATIO = 0.5
MAX_STROKES = 300


@dataclass(frozen=True)
class _Strokes:
    """Connected components of the foreground.

    Args:
        pixels: `(rows, columns)` int, the label of the stroke that each pixel belongs to, or 0.
        labels: `(n,)` the label of each stroke.
        left: `(n,)` the first column of each stroke.
        right: `(n,)` the column after the last one.
        height: `(n,)` rows.
    """

    pixels: np.ndarray
    labels: np.ndarray
    left: np.ndarray
    right: np.ndarray
    height: np.ndarray


def find_characters(image: Image.Image, framing: Framing) -> list[np.ndarray]:
    """Find the characters of a drawing or photograph that holds one line of them.

    Args:
        image: In mode `L` or `RGB`, dark on light or light on dark.
        framing: How each character is scaled and placed.

    Returns:
        One `(side, side)` uint8 image per character, light on dark, left to right; none if
        the image is empty.

    Raises:
        RunError: There are more strokes than a line of characters has.
    """
    foreground = extract_foreground(image)
    if not foreground.any():
        return []
    strokes = _find_strokes(foreground > _find_threshold(foreground))
    if len(strokes.labels) == 0:
        return []
    groups = sorted(_group_strokes(strokes), key=lambda group: strokes.left[group].min())
    return [_crop_character(foreground, strokes, group, framing) for group in groups]


def extract_foreground(image: Image.Image) -> np.ndarray:
    """Compute how much each pixel differs from the background.

    Returns:
        `(rows, columns)` float32 in [0, 1]; all zero for an empty image.
    """
    gray = image.convert("L")
    gray.thumbnail((MAX_SIDE, MAX_SIDE))
    pixels = np.asarray(gray, np.float32)
    background = estimate_background(gray)
    difference = background - pixels if background > 127 else pixels - background
    largest = difference.max()
    return np.maximum(difference, 0) / largest if largest >= MIN_CONTRAST else 0 * pixels


def _find_threshold(foreground: np.ndarray) -> float:
    """Return Otsu's threshold of foreground and background (doi:10.1109/TSMC.1979.4310076)."""
    counts, edges = np.histogram(foreground, bins=64, range=(0, 1))
    centers = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    above = foreground.size - below
    total = np.cumsum(counts * centers)
    with np.errstate(divide="ignore", invalid="ignore"):
        contrast = total / below - (total[-1] - total) / above
        variance = np.nan_to_num(below * above * contrast**2)
    return float(edges[1:][variance.argmax()])


def _find_strokes(mask: np.ndarray) -> _Strokes:
    pixels, _ = ndimage.label(mask, structure=np.ones((3, 3)))
    boxes = np.array(
        [
            (box[0].start, box[0].stop, box[1].start, box[1].stop)
            for box in ndimage.find_objects(pixels)
        ]
    ).reshape(-1, 4)
    height, width = boxes[:, 1] - boxes[:, 0], boxes[:, 3] - boxes[:, 2]
    size = np.maximum(height, width)
    kept = np.flatnonzero(size >= MIN_STROKE_RATIO * size.max(initial=0))
    if len(kept) > MAX_STROKES:
        raise RunError(f"There are {len(kept)} strokes: that is not a line of characters.")
    return _Strokes(pixels, kept + 1, boxes[kept, 2], boxes[kept, 3], height[kept])


def _group_strokes(strokes: _Strokes) -> list[np.ndarray]:
    """Return the strokes of each character, as positions in `strokes`."""
    left, right = strokes.left, strokes.right
    # Columns between two strokes; negative where they overlap.
    gap = np.maximum.outer(left, left) - np.minimum.outer(right, right)
    np.fill_diagonal(gap, np.iinfo(gap.dtype).max)
    narrower = np.minimum.outer(right - left, right - left)
    line = strokes.height.max()
    joined = gap < -MIN_OVERLAP_RATIO * narrower
    for stroke in np.flatnonzero(strokes.height < SHORT_STROKE_RATIO * line):
        nearest = gap[stroke].argmin()
        joined[stroke] = False
        joined[stroke, nearest] = gap[stroke, nearest] < MAX_GAP_RATIO * line
    count, group_of = connected_components(joined, directed=False)
    return [np.flatnonzero(group_of == group) for group in range(count)]


def _crop_character(
    foreground: np.ndarray, strokes: _Strokes, group: np.ndarray, framing: Framing
) -> np.ndarray:
    mask = np.isin(strokes.pixels, strokes.labels[group])
    # Two pixels more, for the soft edges of strokes.
    character = np.where(ndimage.binary_dilation(mask, iterations=2), foreground, 0)
    rows, columns = ndimage.find_objects(mask.astype(int))[0]
    return frame_character(character[rows, columns], framing)


def frame_character(character: np.ndarray, framing: Framing) -> np.ndarray:
    """Scale and place one character as a data set does.

    Args:
        character: `(rows, columns)` float32 in [0, 1], cropped to the character's bounding box.
        framing: How to scale and place it.

    Returns:
        `(side, side)` uint8, light on dark.
    """
    scale = framing.box / max(character.shape)
    columns, rows = (max(1, round(length * scale)) for length in character.shape[::-1])
    small = np.asarray(Image.fromarray(character).resize((columns, rows), Image.Resampling.BOX))
    small = small / max(small.max(), 1e-6)
    # MNIST's centers of mass are at (14.0, 14.0) on average, counted from the first pixel's
    # middle; the middle of a box is half a pixel off that.
    middle = ndimage.center_of_mass(small) if framing.center == "mass" else (rows / 2, columns / 2)
    top, left = (
        int(np.clip(round(framing.side / 2 - center), 0, framing.side - length))
        for center, length in zip(middle, (rows, columns), strict=True)
    )
    framed = np.zeros((framing.side, framing.side), np.float32)
    framed[top : top + rows, left : left + columns] = small
    return np.rint(255 * framed).astype(np.uint8)
