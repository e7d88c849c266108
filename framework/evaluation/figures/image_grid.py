"""Many small images as one array, which Matplotlib draws far faster than as many axes."""

from math import ceil

import numpy as np

_GAP = 0.08  # of an image's side, white


def make_image_grid(images: np.ndarray, columns: int) -> np.ndarray:
    """Arrange images row by row, with white gaps between them.

    Args:
        images: `(n, rows, columns, channels)` in [0, 255]; one channel or three.
        columns: Images per row; the last row may be shorter.

    Returns:
        `(rows, columns, 3)` uint8, RGB; `get_gap` returns the distance between images.
    """
    height, width, channels = images.shape[1:]
    gap, rows = get_gap(height, width), ceil(len(images) / columns)
    pixels = np.clip(np.rint(np.nan_to_num(images)), 0, 255).astype(np.uint8)
    # A gap below and to the right of each image, and blank images to fill the last row.
    margins = ((0, rows * columns - len(images)), (0, gap), (0, gap), (0, 0))
    cells = np.pad(pixels.repeat(3 // channels, axis=3), margins, constant_values=255)
    grid = cells.reshape(rows, columns, height + gap, width + gap, 3).swapaxes(1, 2)
    return grid.reshape(rows * (height + gap), columns * (width + gap), 3)[:-gap, :-gap]


def get_gap(height: int, width: int) -> int:
    """Return the gap between the images of a grid, in pixels."""
    return max(1, round(_GAP * max(height, width)))


def stretch_contrast(maps: np.ndarray) -> np.ndarray:
    """Stretch each map to the whole range on its own.

    Args:
        maps: `(n, rows, columns)` or `(n, rows, columns, channels)` of any range.

    Returns:
        Float32 of the same shape in [0, 255]; a constant map becomes 0.
    """
    axes = tuple(range(1, maps.ndim))
    finite = np.nan_to_num(maps.astype(np.float32))
    low = finite.min(axis=axes, keepdims=True)
    span = finite.max(axis=axes, keepdims=True) - low
    scaled: np.ndarray = (finite - low) / np.where(span > 0, span, 1.0) * np.float32(255.0)
    return scaled
