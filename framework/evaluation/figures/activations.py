"""Figures of single layers: their filters, and their feature maps of one image."""

from collections.abc import Sequence
from math import ceil

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from framework.evaluation.figures.image_grid import (
    get_gap,
    make_image_grid,
    stretch_contrast,
)
from framework.evaluation.figures.style import GRAY, make_figure, styled

MAX_MAPS = 48
MAX_FILTERS = 48
_COLUMNS = 12
_MAX_FILTER_ROWS = 8
_MAX_INPUTS = 12


@styled
def plot_feature_maps(
    maps: np.ndarray, layer_name: str, image: np.ndarray, of: str, subject: str
) -> Figure:
    """Show the feature maps of a layer for an image, one for each channel.

    Args:
        maps: `(channels, rows, columns)`, the output of the layer.
        layer_name: The layer.
        image: `(rows, columns, channels)` float32 in [0, 255].
        of: What the image is, such as `"test image no. 0, a 7"`.
        subject: What was trained on what.
    """
    shown = maps[:MAX_MAPS]
    subtitle = (
        f"{subject} · {of} · {_count(len(shown), len(maps), 'maps')} of "
        f"{maps.shape[1]}x{maps.shape[2]}, each stretched to its own range"
    )
    constant = int((np.ptp(shown, axis=(1, 2)) == 0).sum())
    if constant:
        subtitle += f" · {constant} of them are the same everywhere"
    rows = ceil(len(shown) / _COLUMNS)
    figure = make_figure(9.6, 0.72 * max(rows, 2) + 0.3, f"Feature maps of {layer_name}", subtitle)
    left, right = figure.subplots(1, 2, width_ratios=(2, _COLUMNS))
    left.imshow(np.clip(image, 0, 255).astype(np.uint8).squeeze(), vmin=0, vmax=255)
    left.set_title("the image", size=9)
    right.imshow(make_image_grid(stretch_contrast(shown)[..., None], _COLUMNS))
    right.set_title("the maps; the number of a row's first channel at the left", size=9)
    left.set_axis_off()
    left.set_anchor("NW")
    _frame_tiles(right, maps.shape[1:], len(shown), _COLUMNS, first=range(0, len(shown), _COLUMNS))
    return figure


@styled
def plot_filters(filters: np.ndarray, layer_name: str, subject: str) -> Figure:
    """Show the filters of a convolution.

    Filters over three channels are shown in color, others as one gray
    square for each input channel, one row per filter.

    Args:
        filters: `(filters, rows, columns, inputs)`.
        layer_name: The convolution.
        subject: What was trained on what.
    """
    inputs = filters.shape[3]
    if inputs == 3:
        shown = filters[:MAX_FILTERS]
        tiles, columns = stretch_contrast(shown), _COLUMNS
        described = f"{_count(len(shown), len(filters), 'filters')}, as colors"
    else:
        shown = filters[:_MAX_FILTER_ROWS, ..., :_MAX_INPUTS]
        columns = shown.shape[3]
        stretched = np.moveaxis(stretch_contrast(shown), -1, 1)
        tiles = stretched.reshape(-1, *stretched.shape[2:], 1)
        described = (
            f"{_count(len(shown), len(filters), 'filters')}, one a numbered row; "
            f"{_count(columns, inputs, 'inputs')}, one a column"
        )
    rows = ceil(len(tiles) / columns)
    subtitle = f"{subject} · {described}; each filter stretched to its own range"
    figure = make_figure(8.4, max(0.7 * rows, 1.0), f"Filters of {layer_name}", subtitle)
    axes = figure.subplots()
    axes.imshow(make_image_grid(tiles, columns))
    first = range(0, len(tiles), columns) if inputs == 3 else range(rows)
    _frame_tiles(axes, tiles.shape[1:3], len(tiles), columns, first)
    return figure


def _frame_tiles(
    axes: Axes, shape: Sequence[int], count: int, columns: int, first: Sequence[int]
) -> None:
    """Draw a frame around each tile of a grid, whose white would be lost on the paper.

    Args:
        axes: Shows the grid.
        shape: Rows and columns of a tile, in pixels.
        count: The number of tiles.
        columns: Tiles a row.
        first: The number that stands at the left of each row.
    """
    height, width = shape
    gap = get_gap(height, width)
    corners = [divmod(tile, columns) for tile in range(count)]
    frames = [
        Rectangle((column * (width + gap) - 0.5, row * (height + gap) - 0.5), width, height)
        for row, column in corners
    ]
    axes.add_collection(
        PatchCollection(frames, facecolor="none", edgecolor=GRAY, linewidth=0.7, clip_on=False),
        autolim=False,
    )
    axes.set_anchor("NW")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.set_xticks([])
    axes.set_yticks(
        [row * (height + gap) + (height - 1) / 2 for row in range(len(first))],
        [str(n) for n in first],
    )


def _count(shown: int, total: int, what: str) -> str:
    return f"all {total} {what}" if shown == total else f"the first {shown} of {total} {what}"
