"""Separates what is written from what it is written on: uneven light, shadows, ruled lines."""

import cv2
import numpy as np

from framework.data.appearance import list_border

# The least difference from the background, as a share of it, that counts as written.
MIN_CONTRAST = 0.13
# Gray levels by which most of the border differs at most; strokes may touch it.
EVEN_LIGHT = 16
# Pixels of the shorter side: a smaller picture is of one character, and shows no shadow.
SMALL = 100
# Of the shorter side: the neighborhood whose median is the background.
NEIGHBORHOOD = 0.45
# Pixels: OpenCV counts those of the neighborhood in 16 bits.
LARGEST_MEDIAN = 255
# Pixels across the edge of a shadow.
SHADOW_EDGE = 21
# Gray levels below which nothing is told apart.
DARKEST = 8
# Of the picture's width: a ruled line is longer than any stroke ...
LINE_LENGTH = 0.35
# ... and thinner than this, of the shorter side.
LINE_THICKNESS = 0.012
# Degrees by which lines of text, and ruled lines, may rise or fall.
MAX_SKEW = 15


def extract_foreground(pixels: np.ndarray) -> np.ndarray:
    """Compute how much each pixel differs from the background around it.

    What is darker than the background, or lighter, is the foreground, whichever differs more.

    Args:
        pixels: `(rows, columns)` uint8.

    Returns:
        `(rows, columns)` float32 in [0, 1]; all zero where there is no contrast.
    """
    smooth = cv2.GaussianBlur(pixels, (0, 0), 1)
    background = _estimate_background(smooth).astype(np.float32)
    difference = smooth - background
    contrast = -difference if np.sum(difference**3) < 0 else difference
    # Relative to the light, which the brighter of both reflects.
    contrast = np.clip(contrast / np.maximum(np.maximum(background, smooth), DARKEST), 0, 1)
    # Single pixels may be noise.
    rank = contrast.size - max(9, contrast.size // 20_000)
    strongest = float(np.partition(contrast.ravel(), rank)[rank])
    if strongest < MIN_CONTRAST:
        return np.zeros_like(contrast)
    normalized: np.ndarray = np.minimum(contrast / strongest, 1)
    return normalized


def _estimate_background(smooth: np.ndarray) -> np.ndarray:
    """Return the background of each pixel, uint8.

    Under even light, and in small pictures, it is that of the border, however bold the strokes are.
    Elsewhere it is the median of a wide neighborhood, which follows light that falls off and the
    edges of shadows.
    """
    low, middle, high = np.percentile(list_border(smooth), (15, 50, 85))
    if high - low <= EVEN_LIGHT or min(smooth.shape) < SMALL:
        return np.full_like(smooth, middle)
    side = min(max(3, round(NEIGHBORHOOD * min(smooth.shape)) | 1), LARGEST_MEDIAN)
    median = cv2.medianBlur(smooth, side)
    # The median has the edge of a shadow sharper than it is: what lies between both sides is none.
    near = np.ones((SHADOW_EDGE, SHADOW_EDGE), np.uint8)
    background: np.ndarray = np.clip(smooth, cv2.erode(median, near), cv2.dilate(median, near))
    return background


def find_threshold(foreground: np.ndarray) -> float:
    """Return Otsu's threshold of foreground and background (doi:10.1109/TSMC.1979.4310076)."""
    levels = np.rint(255 * foreground).astype(np.uint8)
    threshold, _ = cv2.threshold(levels, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    return max(float(threshold) / 255, 0.25)


def remove_ruled_lines(foreground: np.ndarray) -> np.ndarray:
    """Remove long thin lines, horizontal and vertical, but not what crosses them.

    The foreground is turned first so that the lines are level.
    """
    foreground = rotate(foreground, _find_line_angle(foreground))
    for transposed in (False, True):
        view = np.ascontiguousarray(foreground.T) if transposed else foreground
        view = _remove_horizontal_lines(view)
        foreground = np.ascontiguousarray(view.T) if transposed else view
    return foreground


def _find_line_angle(foreground: np.ndarray) -> float:
    """Return the angle of the ruled lines in degrees; 0 if there are none."""
    mask = (foreground > 0.15).astype(np.uint8)
    length = round(LINE_LENGTH * foreground.shape[1])
    found = cv2.HoughLinesP(mask, 1, np.pi / 720, length // 2, minLineLength=length, maxLineGap=8)
    if found is None:
        return 0.0
    x1, y1, x2, y2 = found.reshape(-1, 4).T.astype(float)
    angles = np.rad2deg(np.arctan2(y2 - y1, x2 - x1))
    level = angles[np.abs(angles) <= MAX_SKEW]
    # A few may be strokes; the lines of a page are many, and parallel.
    return float(np.median(level)) if len(level) >= 3 else 0.0


def _remove_horizontal_lines(foreground: np.ndarray) -> np.ndarray:
    thickness = max(2, round(LINE_THICKNESS * min(foreground.shape)))
    length = round(LINE_LENGTH * foreground.shape[1])
    mask = (foreground > 0.12).astype(np.uint8)
    # Small gaps in a faint line, and its slope of less than a pixel in a few.
    closed = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((3, 9), np.uint8))
    lines = cv2.morphologyEx(closed, cv2.MORPH_OPEN, np.ones((1, length), np.uint8))
    thick = cv2.morphologyEx(lines, cv2.MORPH_OPEN, np.ones((2 * thickness + 1, 1), np.uint8))
    lines = cv2.dilate(cv2.subtract(lines, thick), np.ones((3, 3), np.uint8))
    if not lines.any():
        return foreground
    # What is left above and below a line goes on through it.
    rest = np.where(lines, 0, foreground)
    reach = 2 * thickness + 3
    bridged = cv2.morphologyEx(rest, cv2.MORPH_CLOSE, np.ones((2 * reach + 1, 1), np.uint8))
    return np.where(lines, np.minimum(bridged, foreground), foreground)


def rotate(foreground: np.ndarray, angle: float) -> np.ndarray:
    """Turn a picture by an angle in degrees about its middle, so that a slope of it is level."""
    if abs(angle) < 0.2:
        return foreground
    rows, columns = foreground.shape
    turn = cv2.getRotationMatrix2D((columns / 2, rows / 2), angle, 1.0)
    return np.asarray(cv2.warpAffine(foreground, turn, (columns, rows)))
