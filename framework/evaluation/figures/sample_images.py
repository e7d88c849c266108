"""Pictures of images: the data, the mistakes, and results as a user would see them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from framework.data.images import Images
from framework.evaluation.figures.style import (
    FAINT,
    MUTED,
    RIGHT,
    WRONG,
    make_figure,
    shorten,
    show_message,
    styled,
)
from framework.evaluation.metrics.predictions import Predictions

MISTAKES_SHOWN = 24
SAMPLES_SHOWN = 12
_MISTAKE_COLUMNS = 6
_SAMPLE_COLUMNS = 3
_TOP_CLASSES = 3


@styled
def plot_mistakes(
    predictions: Predictions, images: Images, class_names: Sequence[str], subject: str
) -> Figure:
    """Show the mistakes made with the most confidence, the worst first.

    Args:
        predictions: The predictions for the test images.
        images: The test images.
        class_names: In the order of the probabilities.
        subject: What was trained on what.
    """
    order = rank_mistakes(predictions)
    shown = order[:MISTAKES_SHOWN]
    title = "The most confident mistakes, test images"
    subtitle = f"{subject} · {len(order):,} of {len(predictions):,} test images are wrong"
    if len(shown) < len(order):
        subtitle += f", {len(shown)} of them shown"
    rows = max(1, -(-len(shown) // _MISTAKE_COLUMNS))
    figure = make_figure(9.6, 2.15 * rows if len(shown) else 1.6, title, subtitle)
    if not len(shown):
        show_message(figure.subplots(), "No mistakes.")
        return figure
    grid = figure.subplots(rows, _MISTAKE_COLUMNS, squeeze=False).ravel()
    for axes, position, image in zip(grid, shown, images.read(shown), strict=False):
        show_image(axes, image)
        true = shorten(class_names[predictions.true[position]], 17)
        predicted = shorten(class_names[predictions.predicted[position]], 17)
        axes.set_title(
            f"true: {true}\nsaid: {predicted}\n{format_confidence(predictions, position)}"
            f"  ·  no. {predictions.indices[position]}",
            size=8,
            loc="left",
            linespacing=1.25,
        )
    for axes in grid[len(shown) :]:
        axes.set_axis_off()
    return figure


def rank_mistakes(predictions: Predictions) -> np.ndarray:
    """Return the positions of all mistakes, the most confident first: `(k,)` int64."""
    confidence = np.nan_to_num(predictions.confidence, nan=-1.0)
    order = np.argsort(-confidence, kind="stable")
    mistakes: np.ndarray = order[~predictions.correct[order]]
    return mistakes


def format_confidence(predictions: Predictions, position: int) -> str:
    """Return a confidence for people; never a rounded-up certainty."""
    confidence = float(predictions.confidence[position])
    if not np.isfinite(confidence):
        return "no number"
    return ">99.9%" if confidence > 0.999 else f"{confidence:.1%}"


@styled
def plot_samples(
    predictions: Predictions,
    images: Images,
    class_names: Sequence[str],
    subject: str,
    seed: int = 0,
) -> Figure:
    """Show randomly drawn test images with their most probable classes.

    Args:
        predictions: The predictions for the test images.
        images: The test images.
        class_names: In the order of the probabilities.
        subject: What was trained on what.
        seed: Fixes the draw.
    """
    count = min(SAMPLES_SHOWN, len(predictions))
    shown = np.sort(np.random.default_rng(seed).choice(len(predictions), count, replace=False))
    right = int(predictions.correct[shown].sum())
    rows = -(-count // _SAMPLE_COLUMNS)
    figure = make_figure(
        9.6,
        1.5 * rows,
        "Sample predictions, test images",
        f"{subject} · {count} of {len(predictions):,} test images, drawn at random; "
        f"{right} of them right",
    )
    grid = figure.subplots(
        rows, 2 * _SAMPLE_COLUMNS, squeeze=False, width_ratios=(1.0, 1.35) * _SAMPLE_COLUMNS
    )
    for axes in grid.ravel():
        axes.set_axis_off()
    for place, (position, image) in enumerate(zip(shown, images.read(shown), strict=True)):
        row, column = divmod(place, _SAMPLE_COLUMNS)
        show_image(grid[row, 2 * column], image)
        _draw_top_classes(grid[row, 2 * column + 1], predictions, position, class_names)
    return figure


def _draw_top_classes(
    axes: Axes, predictions: Predictions, position: int, class_names: Sequence[str]
) -> None:
    probabilities = np.nan_to_num(predictions.probabilities[position])
    top = np.argsort(-probabilities, kind="stable")[:_TOP_CLASSES]
    true = predictions.true[position]
    axes.set_xlim(0, 1)
    axes.set_ylim(_TOP_CLASSES + 0.35, -0.85)
    for row, label in enumerate(top):
        colour = RIGHT if label == true else WRONG if row == 0 else MUTED
        name = shorten(class_names[label], 15)
        axes.barh(row + 0.22, 1.0, height=0.16, color=FAINT)
        axes.barh(row + 0.22, probabilities[label], height=0.16, color=colour)
        weight = "bold" if row == 0 else "normal"
        axes.text(0, row, name, size=8.5, weight=weight, va="bottom")
        axes.text(1, row, f"{probabilities[label]:.0%}", size=8.5, ha="right", va="bottom")
    wrong = f"✗ wrong, true: {shorten(class_names[true], 14)}"
    verdict = "✓ right" if predictions.correct[position] else wrong
    axes.text(0, -0.85, verdict, size=7.5, color=MUTED, va="top")


def show_image(axes: Axes, image: np.ndarray) -> None:
    """Show one image, `(rows, columns, channels)` in [0, 255], with a thin frame."""
    pixels = np.clip(np.rint(np.nan_to_num(image)), 0, 255).astype(np.uint8)
    axes.imshow(pixels[..., 0] if pixels.shape[-1] == 1 else pixels, vmin=0, vmax=255)
    axes.set_anchor("N")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_axis_on()
    axes.spines[:].set_visible(True)
    axes.spines[:].set_color(FAINT)
