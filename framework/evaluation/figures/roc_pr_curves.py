"""ROC and precision-recall curves of each class against the rest."""

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import (
    average_precision_score,
    precision_recall_curve,
    roc_auc_score,
    roc_curve,
)

from framework.evaluation.figures.style import (
    COLORS,
    LIGHT_GRAY,
    make_figure,
    show_message,
    styled,
)
from framework.evaluation.metrics.predictions import Predictions
from framework.utils.text import shorten

_MAX_CLASSES_WITH_STYLES = 10
_HIGHLIGHTED_CLASSES = 5
_CORNERS = (0.02, 0.05, 0.1, 0.2, 0.5)
"""Sides of the corner that is shown where the whole square would show nothing."""
_CORNER_GAPS = 4
"""How many times the gap of the worst curve fits into the corner."""


@styled
def plot_roc_pr_curves(
    predictions: Predictions, class_names: Sequence[str], subject: str
) -> Figure:
    """Draw ROC and precision-recall curves of each class against all others.

    Beyond ten classes only those with the lowest average precision are highlighted.

    Args:
        predictions: The predictions for the test images.
        class_names: In the order of the probabilities.
        subject: What was trained on what.
    """
    title = "One class against the rest, test images"
    support = np.bincount(predictions.true, minlength=len(class_names))
    labels = np.flatnonzero((support > 0) & (support < len(predictions)))
    finite = np.isfinite(predictions.probabilities).all()
    if not finite or not len(labels):
        figure = make_figure(6.4, 1.6, title, subject)
        reason = "only one class has test images" if finite else "the probabilities are not numbers"
        show_message(figure.subplots(), f"No curves: {reason}.")
        return figure
    absent = len(class_names) - len(labels)
    if absent:
        subject += f" · {absent} of {len(class_names)} classes without test images have no curve"
    truths = predictions.true[:, None] == labels
    scores = predictions.probabilities[:, labels]
    areas = roc_auc_score(truths, scores, average=None)
    precisions = average_precision_score(truths, scores, average=None)
    figure = make_figure(11.0, 5.2, title, subject)
    left, right = figure.subplots(1, 2)
    left.set(xlabel="false positive rate", ylabel="true positive rate (recall)")
    left.set_title(f"ROC · mean area {np.mean(areas):.4f}")
    right.set(xlabel="recall", ylabel="precision")
    right.set_title(f"precision-recall · mean AP {np.mean(precisions):.4f}")
    styles = _choose_styles([class_names[label] for label in labels.tolist()], precisions)
    faint = [column for column in range(len(labels)) if column not in styles]
    # How far from perfect each curve stays: the larger error where that is smallest.
    gaps: list[list[float]] = []
    for column in [*faint, *styles]:
        style = styles.get(column, {"color": LIGHT_GRAY, "linewidth": 0.8})
        case = truths[:, column], scores[:, column]
        false_rate, true_rate, _ = roc_curve(*case)
        left.plot(false_rate, true_rate, **style)
        precision, recall, _ = precision_recall_curve(*case, drop_intermediate=True)
        right.step(recall, precision, where="post", **style)
        if column in styles:
            errors = (false_rate, 1 - true_rate), (1 - recall, 1 - precision)
            gaps.append([float(np.maximum(*pair).min()) for pair in errors])
    widest = np.max(gaps, axis=0)
    _zoom(left, widest[0], at_left=True)
    _zoom(right, widest[1], at_left=False)
    figure.legend(
        *right.get_legend_handles_labels(), loc="outside lower left", ncols=3 if faint else 5,
        title=f"{'lowest ' if faint else ''}average precision (AP)", alignment="left",
    )  # fmt: skip
    return figure


def _zoom(axes: Axes, gap: float, at_left: bool) -> None:
    """Show the corner of good classifiers, if the curves are all in it, and say so.

    Args:
        axes: With curves of rates in [0, 1]; good ones come near the top.
        gap: The largest of the curves' gaps.
        at_left: Whether they come near the left, too, rather than the right.
    """
    side = next((side for side in _CORNERS if gap * _CORNER_GAPS <= side), 1.0)
    margin = 0.015 * side
    start = 0.0 if at_left else 1 - side
    axes.set(xlim=(start - margin, start + side + margin), ylim=(1 - side - margin, 1 + margin))
    axes.grid()
    if side < 1:
        axes.set_title(f"{axes.get_title(loc='left')} · zoomed in on the corner")


def _choose_styles(names: Sequence[str], precisions: np.ndarray) -> dict[int, dict[str, Any]]:
    """Give each highlighted class a label and its own combination of color and line style.

    Args:
        names: The names of the classes.
        precisions: `(classes,)` float64, their average precisions.
    """
    chosen = list(range(len(names)))
    if len(names) > _MAX_CLASSES_WITH_STYLES:
        chosen = np.argsort(precisions, kind="stable")[:_HIGHLIGHTED_CLASSES].tolist()
    return {
        column: {
            "color": color,
            "linestyle": line_style,
            "linewidth": 1.6,
            "label": f"{shorten(names[column])} · AP {precisions[column]:.4f}",
        }
        for column, (line_style, color) in zip(chosen, product(("-", "--"), COLORS), strict=False)
    }
