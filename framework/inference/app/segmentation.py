"""Segmentation of a drawing into characters, framed as the training images are."""

import numpy as np
from PIL import Image
from scipy import ndimage
from scipy.sparse.csgraph import connected_components

from framework.data.appearance import Framing
from framework.errors import RunError
from framework.inference.polarity import estimate_background

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
    strokes, characters = _group_strokes(foreground > _find_threshold(foreground))
    return [_crop_character(foreground, np.isin(strokes, labels), framing) for labels in characters]


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


def _group_strokes(mask: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """Group strokes, the connected components of the foreground, to characters.

    Args:
        mask: `(rows, columns)` bool, true in the foreground.

    Returns:
        `(rows, columns)` int, the label of the stroke that each pixel belongs to, or 0; and the
        labels of each character's strokes, left to right.
    """
    strokes, _ = ndimage.label(mask, structure=np.ones((3, 3)))
    boxes = np.array(
        [(y.start, y.stop, x.start, x.stop) for y, x in ndimage.find_objects(strokes)]
    ).reshape(-1, 4)
    size = np.maximum(boxes[:, 1] - boxes[:, 0], boxes[:, 3] - boxes[:, 2])
    kept = np.flatnonzero(size >= MIN_STROKE_RATIO * size.max(initial=0))
    if len(kept) > MAX_STROKES:
        raise RunError(f"There are {len(kept)} strokes: that is not a line of characters.")
    if len(kept) == 0:
        return strokes, []
    top, bottom, left, right = boxes[kept].T
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
    return strokes, [kept[group] + 1 for group in groups]


def _crop_character(foreground: np.ndarray, mask: np.ndarray, framing: Framing) -> np.ndarray:
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
