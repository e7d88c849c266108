"""Learning curves: metrics against epochs."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from framework.evaluation.figures.style import (
    BLUE,
    DARK_GRAY,
    GRAY,
    ORANGE,
    make_figure,
    show_message,
    styled,
)
from framework.evaluation.metrics.training_summary import HistoryRow, TrainingSummary, is_finite

_MAX_EPOCHS_WITH_MARKERS = 40
# The splits differ in line style and marker too, for print in gray.
_STYLES: dict[str, dict[str, Any]] = {
    "training": {"color": BLUE, "linestyle": "-", "marker": "o"},
    "validation": {"color": ORANGE, "linestyle": "--", "marker": "s"},
}
_PREFIXES = {"training": "", "validation": "val_"}


@styled
def plot_curves(
    history: Sequence[HistoryRow],
    metric: str,
    splits: Sequence[str],
    summary: TrainingSummary,
    subject: str,
) -> Figure:
    """Draw a metric against the epochs.

    Args:
        history: One row for each epoch; may be empty.
        metric: `"loss"`, `"accuracy"` or another column.
        splits: `"training"`, `"validation"` or both.
        summary: The epochs to mark.
        subject: What was trained on what.
    """
    title = f"{' and '.join(splits)} {metric}".capitalize()
    figure = make_figure(7.2, 3.9, title, subject)
    axes = figure.subplots()
    if not history:
        show_message(axes, "No training in this run: the classifier was loaded.")
        return figure
    epochs = np.array([row["epoch"] for row in history], dtype=float)
    for split in splits:
        values = read_column(history, _PREFIXES[split] + metric)
        _draw_curve(axes, epochs, values, split)
    if not summary.solved:
        _mark_best(axes, history, summary)
    _mark_phases(axes, summary)
    xlabel = "solved in closed form: no epochs" if summary.solved else "epoch"
    axes.set(xlabel=xlabel, ylabel=metric, xlim=(epochs[0] - 0.5, epochs[-1] + 0.5))
    axes.xaxis.set_major_locator(MaxNLocator(nbins=12, integer=True, min_n_ticks=1))
    if metric == "accuracy":
        axes.yaxis.set_major_formatter(PercentFormatter(xmax=1.0))
    axes.grid(axis="y")
    figure.legend(loc="outside lower left", ncols=2)
    return figure


def read_column(history: Sequence[HistoryRow], name: str) -> np.ndarray:
    """Return `(epochs,)` float64; NaN where a cell is empty or not finite."""
    cells = (row.get(name) for row in history)
    return np.array([cell if is_finite(cell) else np.nan for cell in cells], dtype=float)


def _draw_curve(axes: Axes, epochs: np.ndarray, values: np.ndarray, split: str) -> None:
    missing = int(np.isnan(values).sum())
    label = split if not missing else f"{split} ({missing} of {len(values)} epochs not finite)"
    style = dict(_STYLES[split])
    if len(values) > _MAX_EPOCHS_WITH_MARKERS:
        style["marker"] = ""
    axes.plot(epochs, values, label=label, markersize=4, **style)


def _mark_best(axes: Axes, history: Sequence[HistoryRow], summary: TrainingSummary) -> None:
    """Circle the best epoch on every curve drawn so far, with one entry in the legend."""
    if summary.best is None:
        return
    values = {row["epoch"]: row[summary.monitor] for row in history if summary.monitor in row}
    label = f"best epoch: {summary.best} ({summary.monitor} {values[summary.best]:.4g})"
    if summary.model not in (None, summary.best):
        label += f"; the model is of epoch {summary.model}"
    for line in list(axes.lines):
        epochs, curve = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
        best = epochs == summary.best
        axes.plot(
            epochs[best], curve[best], linestyle="", marker="o", markersize=11, zorder=3,
            markerfacecolor="none", markeredgecolor=DARK_GRAY, markeredgewidth=1.6, label=label,
        )  # fmt: skip
        label = ""


def _mark_phases(axes: Axes, summary: TrainingSummary) -> None:
    """Draw a vertical line where fine-tuning begins, and one where the training ended early."""
    draw_line = partial(axes.axvline, color=GRAY, linewidth=1.2)
    if summary.fine_tuning is not None:
        label = f"fine-tuning from epoch {summary.fine_tuning}"
        draw_line(summary.fine_tuning - 0.5, linestyle="-.", label=label)
    end = summary.diverged or summary.stopped
    if end is not None:
        reason = "early stopping after" if summary.early_stopping else "ended after"
        if summary.diverged is not None:
            reason = "diverged in"
        draw_line(end, linestyle=":", label=f"{reason} epoch {end} of {summary.planned}")
