"""Figures of single test images: the worst mistakes, and a random sample."""

from math import ceil

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from framework.evaluation.figure_data.predicted_images import (
    MAX_MISTAKES,
    MAX_SAMPLES,
    PredictedImages,
)
from framework.evaluation.figures.style import (
    CORRECT_COLOR,
    GRAY,
    LIGHT_GRAY,
    WRONG_COLOR,
    make_figure,
    show_message,
    styled,
)
from framework.utils.text import shorten

_COLUMNS = 6
_SAMPLE_COLUMNS = 3
_TOP_CLASSES = 3


@styled
def plot_mistakes(test: PredictedImages) -> Figure:
    """Show the mistakes made with the most confidence, the worst first."""
    order = test.rank_mistakes()
    shown = order[:MAX_MISTAKES]
    title = "The most confident mistakes, test images"
    subtitle = f"{test.subject} · {len(order):,} of {len(test.predictions):,} test images are wrong"
    if not len(shown):
        figure = make_figure(9.6, 1.6, title, subtitle)
        show_message(figure.subplots(), "No mistakes.")
        return figure
    if len(shown) < len(order):
        subtitle += f", {len(shown)} of them shown"
    figure, grid = make_image_panels(len(shown), title, subtitle)
    for axes, position, image in zip(grid, shown, test.images.read(shown), strict=True):
        show_image(axes, image)
        set_caption(
            axes,
            f"true: {test.name_true(position)}\nsaid: {test.name_predicted(position)}\n"
            f"{test.format_confidence(position)}  ·  {test.name_image(position)}",
        )
    return figure


def make_image_panels(count: int, title: str, subtitle: str) -> tuple[Figure, list[Axes]]:
    """Return a figure with axes for `count` images, each with room for a caption of three lines."""
    rows = ceil(count / _COLUMNS)
    figure = make_figure(9.6, 2.15 * rows, title, subtitle)
    grid = figure.subplots(rows, _COLUMNS, squeeze=False).ravel()
    for axes in grid[count:]:
        axes.set_axis_off()
    return figure, list(grid[:count])


def set_caption(axes: Axes, text: str) -> None:
    """Write a caption of several lines above an image."""
    axes.set_title(text, size=8, loc="left", linespacing=1.25)


@styled
def plot_samples(test: PredictedImages) -> Figure:
    """Show randomly drawn test images with their most probable classes."""
    shown = test.draw_positions(MAX_SAMPLES)
    correct = int(test.predictions.correct[shown].sum())
    rows = ceil(len(shown) / _SAMPLE_COLUMNS)
    subtitle = (
        f"{test.subject} · {len(shown)} of {len(test.predictions):,} test images, drawn at random; "
        f"{correct} of them right"
    )
    figure = make_figure(9.6, 1.5 * rows, "Sample predictions, test images", subtitle)
    grid = figure.subplots(
        rows, 2 * _SAMPLE_COLUMNS, squeeze=False, width_ratios=(1.0, 1.35) * _SAMPLE_COLUMNS
    )
    for axes in grid.ravel():
        axes.set_axis_off()
    # Pairs of axes: the image, and its classes beside it.
    pairs = grid.reshape(-1, 2)[: len(shown)]
    for (left, right), position, image in zip(pairs, shown, test.images.read(shown), strict=True):
        show_image(left, image)
        _draw_top_classes(right, test, position)
    return figure


def _draw_top_classes(axes: Axes, test: PredictedImages, position: int) -> None:
    probabilities = np.nan_to_num(test.predictions.probabilities[position])
    top = np.argsort(-probabilities, kind="stable")[:_TOP_CLASSES]
    true = test.predictions.true[position]
    axes.set(xlim=(0, 1), ylim=(_TOP_CLASSES + 0.35, -0.85))
    for row, label in enumerate(top):
        color = CORRECT_COLOR if label == true else WRONG_COLOR if row == 0 else GRAY
        axes.barh(row + 0.22, 1.0, height=0.16, color=LIGHT_GRAY)
        axes.barh(row + 0.22, probabilities[label], height=0.16, color=color)
        name, weight = shorten(test.class_names[label], 15), "bold" if row == 0 else "normal"
        axes.text(0, row, name, size=8.5, weight=weight, va="bottom")
        axes.text(1, row, f"{probabilities[label]:.0%}", size=8.5, ha="right", va="bottom")
    wrong = f"✗ wrong, true: {test.name_true(position, 14)}"
    verdict = "✓ right" if test.predictions.correct[position] else wrong
    axes.text(0, -0.85, verdict, size=7.5, color=GRAY, va="top")


def show_image(axes: Axes, image: np.ndarray) -> None:
    """Show one image, `(rows, columns, channels)` in [0, 255], with a thin frame."""
    pixels = np.clip(np.rint(np.nan_to_num(image)), 0, 255).astype(np.uint8)
    axes.imshow(pixels[..., 0] if pixels.shape[-1] == 1 else pixels, vmin=0, vmax=255)
    axes.set_anchor("N")
    axes.set(xticks=[], yticks=[])
    axes.set_axis_on()
    axes.spines[:].set_visible(True)
    axes.spines[:].set_color(LIGHT_GRAY)
