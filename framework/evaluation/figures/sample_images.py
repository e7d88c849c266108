"""Figures of single test images: the worst mistakes, and a random sample."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import ceil
from pathlib import PurePosixPath

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from framework.data.images import Images
from framework.evaluation.figures.style import (
    CORRECT_COLOR,
    GRAY,
    LIGHT_GRAY,
    WRONG_COLOR,
    make_figure,
    shorten,
    show_message,
    styled,
)
from framework.evaluation.metrics.predictions import Predictions

MAX_MISTAKES = 24
MAX_SAMPLES = 12
_COLUMNS = 6
_SAMPLE_COLUMNS = 3
_TOP_CLASSES = 3


@dataclass(frozen=True)
class PredictedImages:
    """The test images with their predictions, as figures of single images need them.

    Args:
        predictions: The predictions for the images.
        images: The images.
        class_names: In the order of the probabilities.
        subject: What was trained on what.
        seed: Determines which images are drawn, where a figure draws at random.
    """

    predictions: Predictions
    images: Images
    class_names: Sequence[str]
    subject: str
    seed: int = 0

    def draw_positions(self, limit: int) -> np.ndarray:
        """Draw at most `limit` images at random: `(k,)` int64 positions, ascending."""
        count = min(limit, len(self.predictions))
        rng = np.random.default_rng(self.seed)
        return np.sort(rng.choice(len(self.predictions), count, replace=False))

    def rank_mistakes(self) -> np.ndarray:
        """Return the positions of all mistakes, the most confident first: `(k,)` int64."""
        confidence = np.nan_to_num(self.predictions.confidence, nan=-1.0)
        order = np.argsort(-confidence, kind="stable")
        return np.asarray(order[~self.predictions.correct[order]])

    def name_true(self, position: int, width: int = 17) -> str:
        """Return the name of the true class of an image, shortened."""
        return shorten(self.class_names[self.predictions.true[position]], width)

    def name_predicted(self, position: int, width: int = 17) -> str:
        """Return the name of the predicted class of an image, shortened."""
        return shorten(self.class_names[self.predictions.predicted[position]], width)

    @cached_property
    def files(self) -> list[str]:
        """The path of each image's file; empty without files."""
        return self.images.file_names

    def name_image(self, position: int, width: int = 15) -> str:
        """Return the name of an image's file, shortened, or its number without files."""
        if self.files:
            return shorten(PurePosixPath(self.files[position]).name, width)
        return f"no. {self.predictions.indices[position]}"

    def format_confidence(self, position: int) -> str:
        """Return the confidence in a prediction as text, never rounded up to certainty."""
        confidence = float(self.predictions.confidence[position])
        if not np.isfinite(confidence):
            return "no number"
        return ">99.9%" if confidence > 0.999 else f"{confidence:.1%}"


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
