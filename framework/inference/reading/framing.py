"""Scales and places characters as a data set does."""

import numpy as np
from PIL import Image
from scipy import ndimage

from framework.data.appearance import Framing


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
