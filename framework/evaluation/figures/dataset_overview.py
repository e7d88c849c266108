"""The data as a picture: how many images of each class, and what they look like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from framework.data.images import Images
from framework.evaluation.figures.image_grid import make_image_grid, measure_gap
from framework.evaluation.figures.style import (
    BLUE,
    INK,
    ORANGE,
    SKY,
    make_figure,
    shorten,
    styled,
)
from framework.evaluation.report.report_inputs import SPLITS

MOST_CLASSES_IN_ROWS = 20
MOST_CLASSES_SHOWN = 120
_SAMPLES = 6
_GRID_COLUMNS = 5
_TILES_PER_CLASS = 5  # its image, the augmented one, and the room for its name
_GRID_WIDTH = 12.0  # inches
_COLOURS = {"training": BLUE, "validation": ORANGE, "test": SKY}
_HATCHES = {"training": "", "validation": "////", "test": "...."}


@styled
def plot_dataset(
    images: Mapping[str, Images], class_names: Sequence[str], subject: str, augmented: bool
) -> Figure:
    """Show class counts of each split and training images of every class.

    Args:
        images: Split -> its images.
        class_names: The name of each class.
        subject: What was trained on what.
        augmented: Whether the images have augmented views to show as well.
    """
    counts = {
        split: np.bincount(images[split].labels, minlength=len(class_names))
        for split in SPLITS
        if split in images
    }
    sizes = ", ".join(f"{int(count.sum()):,} {split}" for split, count in counts.items())
    subtitle = f"{subject} · {len(class_names)} classes · {sizes} images"
    if len(class_names) <= MOST_CLASSES_IN_ROWS:
        return _plot_rows(images["training"], class_names, counts, subtitle, augmented)
    return _plot_grid(images["training"], class_names, counts, subtitle, augmented)


def _plot_rows(
    training: Images,
    class_names: Sequence[str],
    counts: Mapping[str, np.ndarray],
    subtitle: str,
    augmented: bool,
) -> Figure:
    classes = len(class_names)
    shares = (5.2, 3.4, 3.4) if augmented else (5.2, 3.4)
    height = 0.55 * classes + 1.5
    figure = make_figure(sum(shares) + 0.4, height, "The data", subtitle)
    grid = figure.subplots(1, len(shares), width_ratios=shares)
    _draw_counts(grid[0], counts, class_names)
    for view, axes in enumerate(grid[1:]):
        tiles = _read_samples(training, classes, _SAMPLES, view)
        axes.imshow(make_image_grid(tiles.reshape(-1, *tiles.shape[2:]), _SAMPLES), aspect="auto")
        axes.set_title("augmented" if view else "as the network gets them")
        axes.set_axis_off()
    figure.legend(loc="outside lower left", ncols=3)
    return figure


def _draw_counts(axes: Axes, counts: Mapping[str, np.ndarray], class_names: Sequence[str]) -> None:
    thickness = 0.8 / len(counts)
    for place, (split, values) in enumerate(counts.items()):
        offset = (place - (len(counts) - 1) / 2) * thickness
        bars = axes.barh(
            np.arange(len(values)) + offset, values, thickness * 0.92, label=split,
            color=_COLOURS[split], hatch=_HATCHES[split], edgecolor="white", linewidth=0,
        )  # fmt: skip
        axes.bar_label(bars, [f"{value:,}" for value in values], padding=2, size=7)
    axes.set_ylim(len(class_names) - 0.5, -0.5)
    axes.set_yticks(range(len(class_names)), [shorten(name) for name in class_names])
    axes.tick_params(axis="y", length=0)
    axes.margins(x=0.12)
    axes.set_xlabel("images")
    axes.set_title("images of each class")
    axes.grid(axis="x")


def _plot_grid(
    training: Images,
    class_names: Sequence[str],
    counts: Mapping[str, np.ndarray],
    subtitle: str,
    augmented: bool,
) -> Figure:
    shown = min(len(class_names), MOST_CLASSES_SHOWN)
    if shown < len(class_names):
        subtitle += f" · images of the first {shown} classes shown"
    rows = -(-shown // _GRID_COLUMNS)
    tile = _GRID_WIDTH / (_GRID_COLUMNS * _TILES_PER_CLASS)
    figure = make_figure(_GRID_WIDTH, 2.9 + tile * rows, "The data", subtitle)
    above, below = figure.subplots(2, 1, height_ratios=(1.8, tile * rows))
    for split, values in counts.items():
        above.step(np.arange(len(values)), values, where="mid", label=split, color=_COLOURS[split])
    above.set_ylim(bottom=0)
    above.set_xlim(-0.5, len(class_names) - 0.5)
    above.set_xlabel("class number")
    above.set_ylabel("images")
    above.grid(axis="y")
    above.set_title("images of each class")
    above.legend(loc="upper right", bbox_to_anchor=(1.0, 1.25), ncols=3)
    _draw_grid(below, training, class_names, counts, shown, augmented)
    return figure


def _draw_grid(
    axes: Axes,
    training: Images,
    class_names: Sequence[str],
    counts: Mapping[str, np.ndarray],
    shown: int,
    augmented: bool,
) -> None:
    views = 2 if augmented else 1
    plain = [_read_samples(training, shown, 1, view)[:, 0] for view in range(views)]
    tiles = np.stack(plain, axis=1)
    height, width = tiles.shape[2:4]
    blank = np.full((shown, _TILES_PER_CLASS - views, *tiles.shape[2:]), 255.0, np.float32)
    columns = _TILES_PER_CLASS * _GRID_COLUMNS
    cells = np.concatenate([tiles, blank], axis=1).reshape(-1, *tiles.shape[2:])
    axes.imshow(make_image_grid(cells, columns))
    axes.set_axis_off()
    axes.set_anchor("NW")
    axes.set_title(
        "one training image of each class, as the network gets it"
        + (", and augmented beside it" if augmented else "")
    )
    step_y, step_x = height + measure_gap(height, width), width + measure_gap(height, width)
    for place in range(shown):
        row, column = divmod(place, _GRID_COLUMNS)
        left = (_TILES_PER_CLASS * column + views) * step_x
        axes.text(
            left, row * step_y + 0.5 * height,
            f"{place}  {shorten(class_names[place], 14)}\n{counts['training'][place]:,} images",
            size=6.5, va="center", color=INK, linespacing=1.3,
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
