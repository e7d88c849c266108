"""The confusion matrix as a figure, for ten classes as for a hundred."""

from collections.abc import Sequence
from math import ceil
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from framework.evaluation.figures.style import DARK_GRAY, GRAY, make_figure, styled
from framework.evaluation.metrics.confusions import (
    MAX_CLASSES_WITH_NUMBERS,
    find_confusions,
    normalize_rows,
)
from framework.utils.text import shorten

MAX_NAMED_CLASSES = 120
MAX_CONFUSIONS = 25

# A square root, so that a confusion of one in a hundred can still be seen beside the diagonal.
_NORM = PowerNorm(0.5, vmin=0.0, vmax=1.0)
_DARK_FROM = 0.55  # of the normalized share; darker cells have white numbers
_LIST_WIDTH = 4.2  # inches
_ZERO_COLOR = "#aab3c0"


@styled
def plot_confusion_matrix(
    matrix: np.ndarray, class_names: Sequence[str], split: str, subject: str
) -> Figure:
    """Draw a confusion matrix: counts, and shares of the true class.

    Up to 20 classes every cell shows its numbers; beyond that the cells
    are colors only, and the most frequent confusions are listed beside them.

    Args:
        matrix: `(classes, classes)` int64, rows true, columns predicted.
        class_names: In the order of the matrix.
        split: `"training"`, `"validation"` or `"test"`.
        subject: What was trained on what.
    """
    total = int(matrix.sum())
    accuracy = f"accuracy {np.trace(matrix) / total:.2%}" if total else "no images"
    title = f"Confusion matrix, {split} images"
    subtitle = f"{subject} · {total:,} un-augmented images · {accuracy}"
    classes = len(class_names)
    if classes <= MAX_CLASSES_WITH_NUMBERS:
        side = max(5.0, 0.62 * classes + 1.6)
        figure = make_figure(side + 1.2, side, title, subtitle)
        axes = figure.subplots()
        _draw_cells(axes, matrix)
        size = 9.0
    else:
        side = float(np.clip(0.128 * min(classes, MAX_NAMED_CLASSES), 6.0, 13.0))
        figure = make_figure(side + 6.8, side + 1.6, title, subtitle, beside=_LIST_WIDTH)
        axes = figure.subplots()
        _list_confusions(figure, matrix, class_names)
        size = 6.5
    _draw_heat_map(figure, axes, matrix)
    _name_classes(axes, class_names, size)
    return figure


def _draw_heat_map(figure: Figure, axes: Axes, matrix: np.ndarray) -> None:
    image = axes.imshow(normalize_rows(matrix), cmap="Blues", norm=_NORM)
    # A color bar in the layout of the axes themselves, anchored at a corner: Matplotlib's
    # constrained layout misjudges the margins of centered axes with a fixed aspect.
    axes.set_anchor("NW")
    bar = figure.colorbar(image, cax=axes.inset_axes((1.02, 0.15, 0.022, 0.7)))
    ticks = (0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0)
    bar.set_ticks(ticks, labels=[f"{tick:.0%}" for tick in ticks])
    bar.set_label("share of the true class")
    bar.outline.set_visible(False)
    axes.set(xlabel="predicted class", ylabel="true class")
    axes.spines[:].set_visible(False)


def _draw_cells(axes: Axes, matrix: np.ndarray) -> None:
    shares = normalize_rows(matrix)
    options: dict[str, Any] = {"textcoords": "offset points", "ha": "center", "in_layout": False}
    for (row, column), count in np.ndenumerate(matrix):
        center = (column, row)
        if count == 0:
            axes.annotate("0", center, (0, 0), va="center", size=8, color=_ZERO_COLOR, **options)
            continue
        color = "white" if _NORM(shares[row, column]) > _DARK_FROM else DARK_GRAY
        share = _format_share(float(shares[row, column]))
        axes.annotate(f"{count}", center, (0, -1), va="bottom", size=9.5, color=color, **options)
        axes.annotate(share, center, (0, -3), va="top", size=7.0, color=color, **options)


def _format_share(share: float) -> str:
    """Round to what fits a cell, but never a confusion to 0 % or an imperfect class to 100 %."""
    if share < 0.01:
        return f"{share:.1%}" if share >= 0.001 else "<0.1%"
    return f"{share:.1%}" if 0.99 < share < 1.0 else f"{share:.0%}"


def _name_classes(axes: Axes, class_names: Sequence[str], size: float) -> None:
    step = ceil(len(class_names) / MAX_NAMED_CLASSES)
    labels = range(0, len(class_names), step)
    names = [shorten(class_names[label]) for label in labels]
    axes.tick_params(length=0)
    axes.set_yticks(labels, names, size=size)
    rotation: dict[str, Any] = {"rotation": 90}
    if len(names) <= MAX_CLASSES_WITH_NUMBERS:
        short = max(map(len, names)) <= 4
        rotation = {} if short else {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
    axes.set_xticks(labels, names, size=size, **rotation)


def _list_confusions(figure: Figure, matrix: np.ndarray, class_names: Sequence[str]) -> None:
    lines = [
        f"{shorten(class_names[each.true], 18)} → {shorten(class_names[each.predicted], 18)}: "
        f"{each.images} ({_format_share(each.share)})"
        for each in find_confusions(matrix, MAX_CONFUSIONS)
    ]
    heading = "Most frequent confusions" if lines else "No confusions"
    explanation = "true → predicted: images (share of the true class)" if lines else ""
    width, height = figure.get_size_inches()
    for text, top, size, weight, color in (
        (heading, 0.85, 10.0, "bold", DARK_GRAY),
        (explanation, 1.08, 8.0, "normal", GRAY),
        ("\n".join(lines), 1.33, 8.5, "normal", DARK_GRAY),
    ):
        figure.text(
            1 - (_LIST_WIDTH - 0.2) / width, 1 - top / height, text,
            va="top", size=size, weight=weight, color=color, linespacing=1.7,
        )  # fmt: skip
