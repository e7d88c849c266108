"""Beyond accuracy: each class's figures, calibration, and the one-vs-rest curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from sklearn.metrics import (
    average_precision_score,
    precision_recall_curve,
    roc_auc_score,
    roc_curve,
)

from framework.evaluation.figures.style import (
    BLUE,
    COLOURS,
    FAINT,
    INK,
    MUTED,
    SKY,
    make_figure,
    shorten,
    show_message,
    styled,
)
from framework.evaluation.metrics.calibration import CalibrationCurve, compute_calibration_curve
from framework.evaluation.metrics.predictions import Predictions

_MEASURES = {
    "precision": "precision",
    "recall": "recall (sensitivity)",
    "specificity": "specificity",
    "f1": "f1",
    "support": "test images",
}
MOST_CLASSES_SHOWN = 120
_MOST_CLASSES_WITH_FIGURES = 30
_MOST_CLASSES_WITH_CURVES = 10
_HIGHLIGHTED = 5


@styled
def plot_per_class_metrics(per_class: Mapping[str, Mapping[str, Any]], subject: str) -> Figure:
    """Draw precision, recall, specificity, f1 and support of every class as bars.

    Args:
        per_class: Class -> its scores, as `compute_metrics` returns them.
        subject: What was trained on what.
    """
    shown = dict(per_class)
    if len(shown) > MOST_CLASSES_SHOWN:
        worst = sorted(shown, key=lambda name: shown[name]["f1"])[:MOST_CLASSES_SHOWN]
        shown = {name: shown[name] for name in worst}
        subject += f" · the {MOST_CLASSES_SHOWN} of {len(per_class)} classes with the lowest f1"
    classes = len(shown)
    few = classes <= _MOST_CLASSES_WITH_FIGURES
    figure = make_figure(
        11.0, (0.3 if few else 0.145) * classes + 1.1, "Scores of each class, test images", subject
    )
    panels = figure.subplots(1, len(_MEASURES))
    for axes, (measure, label) in zip(panels, _MEASURES.items(), strict=True):
        values = [scores[measure] for scores in shown.values()]
        is_share = measure != "support"
        if is_share:
            axes.barh(range(classes), [1.0] * classes, color=FAINT, height=0.7)
        bars = axes.barh(range(classes), values, color=BLUE if is_share else MUTED, height=0.7)
        axes.set_title(label)
        axes.set_yticks([])
        axes.set_ylim(classes - 0.4, -0.6)
        axes.spines[:].set_visible(False)
        axes.set_xlim(0, 1.0 if is_share else max(*values, 1) * 1.25)
        axes.xaxis.set_major_locator(MaxNLocator(2, integer=not is_share))
        if few:
            labels = [f" {value:.3f}" if is_share else f" {value:,}" for value in values]
            _label_bars(axes, bars, labels, inside=is_share)
    names = [shorten(name) for name in shown]
    panels[0].set_yticks(range(classes), names, size=9 if few else 6.5)
    panels[0].tick_params(axis="y", length=0)
    return figure


def _label_bars(axes: Axes, bars: Any, labels: Sequence[str], inside: bool) -> None:
    """Write each value at the start of its bar, or after it."""
    for bar, label in zip(bars, labels, strict=True):
        middle = bar.get_y() + bar.get_height() / 2
        long_enough = bar.get_width() > 0.3
        axes.text(
            0 if inside else bar.get_width(), middle, label, va="center", size=8,
            color="white" if inside and long_enough else INK,
        )  # fmt: skip


@styled
def plot_reliability(predictions: Predictions, subject: str) -> Figure:
    """Draw accuracy against confidence, with the expected calibration error.

    Args:
        predictions: The predictions for the test images.
        subject: What was trained on what.
    """
    calibration = compute_calibration_curve(predictions)
    title = "Reliability, test images"
    if not calibration.counts.any():
        figure = make_figure(6.4, 1.6, title, subject)
        show_message(figure.subplots(), "The confidences are not numbers.")
        return figure
    figure = make_figure(
        6.4,
        6.0,
        title,
        f"{subject} · expected calibration error {calibration.expected_error:.2%} "
        f"({len(calibration.counts)} bins)",
    )
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3.2, 1.0))
    _draw_reliability(above, calibration)
    width = calibration.edges[1]
    below.bar(calibration.edges[:-1] + width / 2, calibration.counts, width * 0.92, color=MUTED)
    below.set_xlim(0, 1)
    below.xaxis.set_major_formatter(PercentFormatter(xmax=1.0))
    below.set_xlabel("confidence: probability of the predicted class")
    below.set_ylabel("images")
    below.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    figure.legend(loc="outside lower left", ncols=3)
    return figure


def _draw_reliability(axes: Axes, calibration: CalibrationCurve) -> None:
    width = calibration.edges[1]
    filled = calibration.counts > 0
    middles = (calibration.edges[:-1] + width / 2)[filled]
    axes.bar(
        middles, calibration.accuracy[filled], width * 0.92, color=SKY, label="accuracy in the bin"
    )
    axes.plot(
        calibration.confidence[filled], calibration.accuracy[filled], "o", color=INK, markersize=4,
        label="at the bin's mean confidence",
    )  # fmt: skip
    axes.plot((0, 1), (0, 1), color=MUTED, linestyle="--", linewidth=1.2, label="calibrated")
    axes.set_ylim(0, 1)
    axes.yaxis.set_major_formatter(PercentFormatter(xmax=1.0))
    axes.set_ylabel("accuracy")
    axes.grid(axis="y")


@styled
def plot_one_vs_rest(predictions: Predictions, class_names: Sequence[str], subject: str) -> Figure:
    """Draw ROC and precision-recall curves of each class against all others.

    Beyond ten classes all curves are faint, and the classes with the lowest
    average precision stand out.

    Args:
        predictions: The predictions for the test images.
        class_names: In the order of the probabilities.
        subject: What was trained on what.
    """
    title = "One class against the rest, test images"
    present = np.bincount(predictions.true, minlength=len(class_names))
    drawn = np.flatnonzero((present > 0) & (present < len(predictions)))
    finite = np.isfinite(predictions.probabilities).all()
    if not finite or not len(drawn):
        figure = make_figure(6.4, 1.6, title, subject)
        reason = "only one class has test images" if finite else "the probabilities are not numbers"
        show_message(figure.subplots(), f"No curves: {reason}.")
        return figure
    absent = len(class_names) - len(drawn)
    if absent:
        subject += f" · {absent} of {len(class_names)} classes without test images have no curve"
    figure = make_figure(11.0, 5.2, title, subject)
    left, right = figure.subplots(1, 2)
    _name_axes(left, "false positive rate", "true positive rate (recall)")
    _name_axes(right, "recall", "precision")
    areas, precisions = _measure_curves(predictions, drawn.tolist())
    left.set_title(f"ROC · mean area {np.mean(areas):.4f}")
    right.set_title(f"precision-recall · mean AP {np.mean(list(precisions.values())):.4f}")
    looks = _choose_looks(precisions)
    faint = [label for label in precisions if label not in looks]
    for label in [*faint, *looks]:
        name = f"{shorten(class_names[label])} · AP {precisions[label]:.3f}"
        _draw_class_curves(left, right, predictions, label, name, looks.get(label))
    heading = "lowest average precision (AP)" if faint else "average precision (AP)"
    figure.legend(
        *right.get_legend_handles_labels(), loc="outside lower left", ncols=3 if faint else 5,
        title=heading, alignment="left",
    )  # fmt: skip
    return figure


def _measure_curves(
    predictions: Predictions, labels: Sequence[int]
) -> tuple[list[float], dict[int, float]]:
    """Return the areas under the ROC curves, and the average precision of each class."""
    cases = {
        label: (predictions.true == label, predictions.probabilities[:, label]) for label in labels
    }
    areas = [float(roc_auc_score(*case)) for case in cases.values()]
    return areas, {label: float(average_precision_score(*case)) for label, case in cases.items()}


def _name_axes(axes: Axes, x: str, y: str) -> None:
    axes.set_xlim(-0.01, 1.01)
    axes.set_ylim(-0.01, 1.02)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid()


def _choose_looks(scores: Mapping[int, float]) -> dict[int, dict[str, Any]]:
    """Give each class that stands out a colour and line style; two alike in neither."""
    chosen = sorted(scores)
    if len(scores) > _MOST_CLASSES_WITH_CURVES:
        chosen = sorted(scores, key=lambda label: scores[label])[:_HIGHLIGHTED]
    styles = ["-"] * len(COLOURS) + ["--"] * len(COLOURS)
    return {
        label: {"color": colour, "linestyle": style}
        for label, colour, style in zip(chosen, cycle(COLOURS), styles, strict=False)
    }


def _draw_class_curves(
    left: Axes,
    right: Axes,
    predictions: Predictions,
    label: int,
    name: str,
    look: dict[str, Any] | None,
) -> None:
    positive, scores = predictions.true == label, predictions.probabilities[:, label]
    false_rate, true_rate, _ = roc_curve(positive, scores)
    precision, recall, _ = precision_recall_curve(positive, scores, drop_intermediate=True)
    if look is None:
        style: dict[str, Any] = {"color": FAINT, "linewidth": 0.8}
    else:
        style = {**look, "linewidth": 1.6, "label": name}
    left.plot(false_rate, true_rate, **style)
    right.step(recall, precision, where="post", **style)
