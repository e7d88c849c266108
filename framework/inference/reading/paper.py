"""Finds a sheet of paper in a photograph, and looks at it from above."""

import cv2
import numpy as np

# Of the picture's area, that a sheet takes at least and at most.
MIN_AREA, MAX_AREA = 0.12, 0.97
# Of its bounding rectangle's area, that a sheet seen a little askew fills at least.
MIN_FILL = 0.8
# Gray levels by which a sheet is lighter than what it lies on.
MIN_CONTRAST = 40
# Pixels on both sides of its edge in which the contrast is measured.
EDGE_PIXELS = 6
# Of the shorter side: the sheet's edge, with its shadow, is cut off.
MARGIN = 0.02


def find_paper(pixels: np.ndarray) -> np.ndarray:
    """Return the sheet of paper in a photograph, straightened, or the whole picture.

    A sheet is the largest light area whose outline is nearly a quadrilateral.

    Args:
        pixels: `(rows, columns)` uint8.

    Returns:
        `(rows, columns)` uint8, of another size.
    """
    corners = _find_corners(pixels)
    if corners is None:
        return pixels
    top_left, top_right, bottom_right, bottom_left = corners
    width = round(max(_measure(top_left, top_right), _measure(bottom_left, bottom_right)))
    height = round(max(_measure(top_left, bottom_left), _measure(top_right, bottom_right)))
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    transform = cv2.getPerspectiveTransform(corners, target)
    sheet = cv2.warpPerspective(pixels, transform, (width, height))
    margin = max(2, round(MARGIN * min(width, height)))
    return np.asarray(sheet[margin:-margin, margin:-margin])


def _find_corners(pixels: np.ndarray) -> np.ndarray | None:
    """Return `(4, 2)` float32, clockwise from the top left; `None` if there is no sheet."""
    smooth = cv2.GaussianBlur(pixels, (0, 0), max(1.0, min(pixels.shape) / 150))
    _, light = cv2.threshold(smooth, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    outlines, _ = cv2.findContours(light, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not outlines:
        return None
    hull = cv2.convexHull(max(outlines, key=cv2.contourArea))
    inside = np.zeros_like(light)
    cv2.fillConvexPoly(inside, hull, 1)
    # The lit part of a page reaches over more than one edge of the picture.
    edges = (inside[0], inside[-1], inside[:, 0], inside[:, -1])
    if not MIN_AREA <= inside.mean() <= MAX_AREA or sum(map(np.any, edges)) > 1:
        return None
    # Close to the edge: light that falls off has no edge.
    ring = cv2.dilate(inside, np.ones((3, 3), np.uint8), iterations=EDGE_PIXELS) - cv2.erode(
        inside, np.ones((3, 3), np.uint8), iterations=EDGE_PIXELS
    )
    within, beyond = (smooth[(ring == 1) & (inside == side)] for side in (1, 0))
    if len(beyond) == 0:
        return None
    contrast = np.median(within).astype(float) - np.median(beyond)
    rectangle = cv2.minAreaRect(hull)
    fill = cv2.contourArea(hull) / max(1.0, rectangle[1][0] * rectangle[1][1])
    if contrast < MIN_CONTRAST or fill < MIN_FILL:
        return None
    outline = cv2.approxPolyDP(hull, 0.02 * cv2.arcLength(hull, closed=True), closed=True)
    corners = outline[:, 0] if len(outline) == 4 else cv2.boxPoints(rectangle)
    return _sort_corners(corners.astype(np.float32))


def _sort_corners(corners: np.ndarray) -> np.ndarray:
    """Sort corners clockwise, from the one nearest to the picture's top left."""
    center = corners.mean(axis=0)
    angles = np.arctan2(*(corners - center).T[::-1])
    corners = corners[np.argsort(angles)]
    return np.roll(corners, -int(corners.sum(axis=1).argmin()), axis=0)


def _measure(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.linalg.norm(first - second))
