"""From a picture to its characters: paper, light, lines, strokes, each framed as in training."""

import numpy as np
from PIL import Image

from framework.inference.reading.foreground import (
    MAX_SKEW,
    extract_foreground,
    find_threshold,
    remove_ruled_lines,
    rotate,
)
from framework.inference.reading.paper import find_paper
from framework.inference.reading.segmentation import Glyph, find_glyphs, measure_skew

# Pixels: enough for 30 characters side by side; a larger picture is shrunk first.
MAX_SIDE = 800
# Degrees of slope that are straightened at least.
MIN_SKEW = 2


def find_characters(image: Image.Image) -> list[Glyph]:
    """Find the characters on a picture of a page, by hand or in print.

    Args:
        image: In mode `L` or `RGB`: a drawing, a scan or a photograph of paper, dark on light or
            light on dark.

    Returns:
        The characters, line by line and left to right; none if the picture is empty.

    Raises:
        RunError: There are more strokes than a page of characters has.
    """
    gray = image.convert("L")
    gray.thumbnail((MAX_SIDE, MAX_SIDE))
    page = find_paper(np.asarray(gray))
    foreground = extract_foreground(page)
    if not foreground.any():
        return []
    foreground = remove_ruled_lines(foreground)
    glyphs = find_glyphs(foreground, find_threshold(foreground))
    skew = measure_skew(glyphs)
    if MIN_SKEW <= abs(skew) <= MAX_SKEW:
        foreground = rotate(foreground, skew)
        glyphs = find_glyphs(foreground, find_threshold(foreground))
    return glyphs
