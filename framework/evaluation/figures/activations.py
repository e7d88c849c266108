"""Figures of single layers: their filters, and their feature maps of one image."""

from math import ceil

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from framework.evaluation.figures.image_grid import make_image_grid, stretch_contrast
from framework.evaluation.figures.style import make_figure, styled

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
    rows = ceil(len(shown) / _COLUMNS)
    figure = make_figure(9.6, 0.72 * max(rows, 2) + 0.3, f"Feature maps of {layer_name}", subtitle)
    left, right = figure.subplots(1, 2, width_ratios=(2, _COLUMNS))
    left.imshow(np.clip(image, 0, 255).astype(np.uint8).squeeze(), vmin=0, vmax=255)
    left.set_title("the image", size=9)
    right.imshow(make_image_grid(stretch_contrast(shown)[..., None], _COLUMNS))
    right.set_title("the maps, in the order of the channels", size=9)
    for axes in (left, right):
        _hide_axes(axes)
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
            f"{_count(len(shown), len(filters), 'filters')}, one a row; "
            f"{_count(columns, inputs, 'inputs')}, one a column"
        )
    rows = ceil(len(tiles) / columns)
    subtitle = f"{subject} · {described}; each filter stretched to its own range"
    figure = make_figure(8.4, max(0.7 * rows, 1.0), f"Filters of {layer_name}", subtitle)
    axes = figure.subplots()
    axes.imshow(make_image_grid(tiles, columns))
    _hide_axes(axes)
    return figure


def _hide_axes(axes: Axes) -> None:
    axes.set_axis_off()
    axes.set_anchor("NW")


def _count(shown: int, total: int, what: str) -> str:
    return f"all {total} {what}" if shown == total else f"the first {shown} of {total} {what}"
