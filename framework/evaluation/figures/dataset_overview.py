"""Overview of the data: how many images of each class, and what they look like."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from framework.data.images import Images
from framework.evaluation.figures.image_grid import get_gap, make_image_grid
from framework.evaluation.figures.style import (
    BLUE,
    DARK_GRAY,
    ORANGE,
    SKY,
    make_figure,
    shorten,
    styled,
)

MAX_CLASSES_IN_ROWS = 20
MAX_CLASSES = 120
_SAMPLES_PER_CLASS = 6
_GRID_COLUMNS = 5
_TILES_PER_CLASS = 5  # its image, the augmented one, and space for its name
_GRID_WIDTH = 12.0  # inches
_COLORS = {"training": BLUE, "validation": ORANGE, "test": SKY}
_HATCHES = {"training": "", "validation": "////", "test": "...."}


@dataclass(frozen=True)
class _Content:
    """What the figure shows.

    Args:
        training: The training images.
        class_names: The name of each class.
        counts: Split -> `(classes,)` int64, its images of each class.
        views: 1 for the plain images, 2 for augmented ones as well.
    """

    training: Images
    class_names: Sequence[str]
    counts: Mapping[str, np.ndarray]
    views: int


@styled
def plot_dataset(
    images: Mapping[str, Images], class_names: Sequence[str], subject: str, augmented: bool
) -> Figure:
    """Show the class counts of each split and training images of every class.

    Args:
        images: Split -> its images; splits are shown in this order.
        class_names: The name of each class.
        subject: What was trained on what.
        augmented: Whether to show augmented views of the images as well.
    """
    classes = len(class_names)
    counts = {split: np.bincount(some.labels, minlength=classes) for split, some in images.items()}
    sizes = ", ".join(f"{int(count.sum()):,} {split}" for split, count in counts.items())
    subtitle = f"{subject} · {classes} classes · {sizes} images"
    content = _Content(images["training"], class_names, counts, 2 if augmented else 1)
    plot = _plot_rows if classes <= MAX_CLASSES_IN_ROWS else _plot_grid
    return plot(content, subtitle)


def _plot_rows(content: _Content, subtitle: str) -> Figure:
    """Show a row of bars and of images for each class."""
    classes = len(content.class_names)
    widths = (5.2, *[3.4] * content.views)
    figure = make_figure(sum(widths) + 0.4, 0.55 * classes + 1.5, "The data", subtitle)
    grid = figure.subplots(1, len(widths), width_ratios=widths)
    _draw_counts(grid[0], content)
    for view, axes in enumerate(grid[1:]):
        tiles = _read_samples(content.training, classes, _SAMPLES_PER_CLASS, view)
        cells = tiles.reshape(-1, *tiles.shape[2:])
        axes.imshow(make_image_grid(cells, _SAMPLES_PER_CLASS), aspect="auto")
        axes.set_title("augmented" if view else "as the network gets them")
        axes.set_axis_off()
    figure.legend(loc="outside lower left", ncols=3)
    return figure


def _draw_counts(axes: Axes, content: _Content) -> None:
    counts, names = content.counts, content.class_names
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


def _plot_grid(content: _Content, subtitle: str) -> Figure:
    """Show the counts as steps, and a grid with an image of each class."""
    classes = len(content.class_names)
    shown = min(classes, MAX_CLASSES)
    if shown < classes:
        subtitle += f" · images of the first {shown} classes shown"
    height = ceil(shown / _GRID_COLUMNS) * _GRID_WIDTH / (_GRID_COLUMNS * _TILES_PER_CLASS)
    figure = make_figure(_GRID_WIDTH, 2.9 + height, "The data", subtitle)
    above, below = figure.subplots(2, 1, height_ratios=(1.8, height))
    for split, values in content.counts.items():
        above.step(np.arange(classes), values, where="mid", label=split, color=_COLORS[split])
    above.set(xlim=(-0.5, classes - 0.5), xlabel="class number", ylabel="images")
    above.set_ylim(bottom=0)
    above.set_title("images of each class")
    above.grid(axis="y")
    above.legend(loc="upper right", bbox_to_anchor=(1.0, 1.25), ncols=3)
    _draw_grid(below, content, shown)
    return figure


def _draw_grid(axes: Axes, content: _Content, shown: int) -> None:
    views = [_read_samples(content.training, shown, 1, view) for view in range(content.views)]
    tiles = np.concatenate(views, axis=1)
    height, width = tiles.shape[2:4]
    blank = np.full((shown, _TILES_PER_CLASS - content.views, *tiles.shape[2:]), 255.0, np.float32)
    cells = np.concatenate([tiles, blank], axis=1).reshape(-1, *tiles.shape[2:])
    axes.imshow(make_image_grid(cells, _TILES_PER_CLASS * _GRID_COLUMNS))
    axes.set_axis_off()
    axes.set_anchor("NW")
    augmented = ", and augmented beside it" if content.views > 1 else ""
    axes.set_title(f"one training image of each class, as the network gets it{augmented}")
    gap = get_gap(height, width)
    for label in range(shown):
        row, column = divmod(label, _GRID_COLUMNS)
        name = shorten(content.class_names[label], 14)
        axes.text(
            (_TILES_PER_CLASS * column + content.views) * (width + gap),
            row * (height + gap) + 0.5 * height,
            f"{label}  {name}\n{content.counts['training'][label]:,} images",
            size=6.5, va="center", color=DARK_GRAY, linespacing=1.3,
        )  # fmt: skip


def _read_samples(images: Images, classes: int, each: int, view: int) -> np.ndarray:
    """Read the first images of each class; white where a class has fewer.

    Returns:
        `(classes, each, rows, columns, channels)` float32 in [0, 255].
    """
    first = images.read(np.zeros(1, dtype=np.int64), view)
    tiles = np.full((classes, each, *first.shape[1:]), 255.0, dtype=np.float32)
    for label in range(classes):
        positions = np.flatnonzero(images.labels == label)[:each]
        if len(positions):
            tiles[label, : len(positions)] = images.read(positions, view)
    return tiles
