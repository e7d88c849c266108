"""Overview of the data: how many images of each class, and what they look like."""

from math import ceil

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from framework.evaluation.figure_data.data_overview import MAX_CLASSES, DataOverview
from framework.evaluation.figures.image_grid import get_gap, make_image_grid
from framework.evaluation.figures.style import (
    BLUE,
    DARK_GRAY,
    ORANGE,
    SKY,
    make_figure,
    styled,
)
from framework.utils.text import shorten

_GRID_COLUMNS = 5
_TILES_PER_CLASS = 5  # its image, the augmented one, and space for its name
_GRID_WIDTH = 12.0  # inches
_COLORS = {"training": BLUE, "validation": ORANGE, "test": SKY}
_HATCHES = {"training": "", "validation": "////", "test": "...."}


@styled
def plot_dataset(overview: DataOverview, subject: str) -> Figure:
    """Show the class counts of each split and training images of every class.

    Args:
        overview: What is shown.
        subject: What was trained on what.
    """
    counts, classes = overview.counts, len(overview.class_names)
    sizes = ", ".join(f"{int(count.sum()):,} {split}" for split, count in counts.items())
    subtitle = f"{subject} · {classes} classes · {sizes} images"
    plot = _plot_rows if overview.in_rows else _plot_grid
    return plot(overview, subtitle)


def _plot_rows(overview: DataOverview, subtitle: str) -> Figure:
    """Show a row of bars and of images for each class."""
    classes = len(overview.class_names)
    widths = (5.2, *[3.4] * overview.views)
    figure = make_figure(sum(widths) + 0.4, 0.55 * classes + 1.5, "The data", subtitle)
    grid = figure.subplots(1, len(widths), width_ratios=widths)
    _draw_counts(grid[0], overview)
    for view, (axes, tiles) in enumerate(zip(grid[1:], overview.samples, strict=True)):
        cells = tiles.reshape(-1, *tiles.shape[2:])
        axes.imshow(make_image_grid(cells, tiles.shape[1]), aspect="auto")
        axes.set_title("augmented" if view else "as the network gets them")
        axes.set_axis_off()
    figure.legend(loc="outside lower left", ncols=3)
    return figure


def _draw_counts(axes: Axes, overview: DataOverview) -> None:
    counts, names = overview.counts, overview.class_names
    thickness = 0.8 / len(counts)
    for index, (split, values) in enumerate(counts.items()):
        offset = (index - (len(counts) - 1) / 2) * thickness
        bars = axes.barh(
            np.arange(len(values)) + offset, values, thickness * 0.92, label=split,
            color=_COLORS[split], hatch=_HATCHES[split], edgecolor="white", linewidth=0,
        )  # fmt: skip
        axes.bar_label(bars, [f"{value:,}" for value in values], padding=2, size=7)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_yticks(range(len(names)), [shorten(name) for name in names])
    axes.tick_params(axis="y", length=0)
    axes.margins(x=0.12)
    axes.set(xlabel="images", title="images of each class")
    axes.grid(axis="x")


def _plot_grid(overview: DataOverview, subtitle: str) -> Figure:
    """Show the counts as steps, and a grid with an image of each class."""
    classes = len(overview.class_names)
    shown = min(classes, MAX_CLASSES)
    if shown < classes:
        subtitle += f" · images of the first {shown} classes shown"
    height = ceil(shown / _GRID_COLUMNS) * _GRID_WIDTH / (_GRID_COLUMNS * _TILES_PER_CLASS)
    figure = make_figure(_GRID_WIDTH, 2.9 + height, "The data", subtitle)
    above, below = figure.subplots(2, 1, height_ratios=(1.8, height))
    for split, values in overview.counts.items():
        above.step(np.arange(classes), values, where="mid", label=split, color=_COLORS[split])
    above.set(xlim=(-0.5, classes - 0.5), xlabel="class number", ylabel="images")
    above.set_ylim(bottom=0)
    above.set_title("images of each class")
    above.grid(axis="y")
    above.legend(loc="upper right", bbox_to_anchor=(1.0, 1.25), ncols=3)
    _draw_grid(below, overview, shown)
    return figure


def _draw_grid(axes: Axes, overview: DataOverview, shown: int) -> None:
    tiles = np.concatenate(overview.samples, axis=1)
    height, width = tiles.shape[2:4]
    blank = np.full((shown, _TILES_PER_CLASS - overview.views, *tiles.shape[2:]), 255.0, np.float32)
    cells = np.concatenate([tiles, blank], axis=1).reshape(-1, *tiles.shape[2:])
    axes.imshow(make_image_grid(cells, _TILES_PER_CLASS * _GRID_COLUMNS))
    axes.set_axis_off()
    axes.set_anchor("NW")
    augmented = ", and augmented beside it" if overview.views > 1 else ""
    axes.set_title(f"one training image of each class, as the network gets it{augmented}")
    gap = get_gap(height, width)
    for label in range(shown):
        row, column = divmod(label, _GRID_COLUMNS)
        name = shorten(overview.class_names[label], 14)
        axes.text(
            (_TILES_PER_CLASS * column + overview.views) * (width + gap),
            row * (height + gap) + 0.5 * height,
            f"{label}  {name}\n{overview.counts['training'][label]:,} images",
            size=6.5, va="center", color=DARK_GRAY, linespacing=1.3,
        )  # fmt: skip
