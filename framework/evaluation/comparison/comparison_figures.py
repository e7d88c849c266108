"""Figures of several runs."""

from collections.abc import Mapping, Sequence
from itertools import product
from math import ceil

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from framework.evaluation.figures.learning_curves import read_column
from framework.evaluation.figures.style import (
    BLUE,
    COLORS,
    LIGHT_GRAY,
    make_figure,
    show_message,
    styled,
)
from framework.evaluation.metrics.training_summary import HistoryRow
from framework.utils.text import shorten

# Each run has its own pair of color and line style; more runs could not be told apart.
_STYLES = list(product(("-", "--"), COLORS))
MAX_STYLED_RUNS = len(_STYLES)
_NAME_WIDTH = 40


@styled
def plot_overlaid_curves(histories: Mapping[str, Sequence[HistoryRow]]) -> Figure:
    """Draw the validation curves of several runs in the same axes.

    Args:
        histories: Run -> its history, the most important run first; runs beyond
            `MAX_STYLED_RUNS` are drawn in light gray.
    """
    trained = {name: history for name, history in histories.items() if history}
    untrained = len(histories) - len(trained)
    described = [f"{len(trained)} runs"]
    if untrained:
        described.append(f"{untrained} without a training of their own left out")
    if len(trained) > MAX_STYLED_RUNS:
        described.append(f"the {MAX_STYLED_RUNS} with the best test accuracy in color")
    rows = ceil(min(len(trained), MAX_STYLED_RUNS) / 2)
    figure = make_figure(11.0, 4.0 + 0.2 * rows, "Validation curves", " · ".join(described))
    if not trained:
        show_message(figure.subplots(), "None of the runs trained.")
        return figure
    for axes, metric in zip(figure.subplots(1, 2), ("val_loss", "val_accuracy"), strict=True):
        _draw_runs(axes, trained, metric)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower left", ncols=2)
    return figure


def _draw_runs(axes: Axes, histories: Mapping[str, Sequence[HistoryRow]], metric: str) -> None:
    for index, (name, history) in enumerate(histories.items()):
        epochs, values = read_column(history, "epoch"), read_column(history, metric)
        marker = "o" if len(epochs) == 1 else ""
        if index < MAX_STYLED_RUNS:
            line, color = _STYLES[index]
            axes.plot(
                epochs, values, linestyle=line, color=color, marker=marker, lw=1.8,
                label=shorten(name, _NAME_WIDTH), zorder=3 - index / MAX_STYLED_RUNS,
            )  # fmt: skip
        else:
            axes.plot(epochs, values, color=LIGHT_GRAY, marker=marker, lw=1.0, zorder=1)
    if metric == "val_accuracy":
        axes.yaxis.set_major_formatter(PercentFormatter(xmax=1.0))
    axes.xaxis.set_major_locator(MaxNLocator(nbins=10, integer=True, min_n_ticks=1))
    axes.set_xlabel("epoch")
    axes.set_title(metric.replace("val_", "validation "))
    axes.grid(axis="y")


@styled
def plot_accuracies(accuracies: Mapping[str, tuple[float, float, float]]) -> Figure:
    """Draw the test accuracy of each run with its confidence interval.

    Args:
        accuracies: Run -> accuracy, lower and upper end of its interval, in [0, 1].
    """
    values = np.array(list(accuracies.values()))
    rows = np.arange(len(values))
    subtitle = f"{len(values)} runs · bars are 95 % intervals (Wilson)"
    figure = make_figure(9.0, 0.32 * len(values) + 0.8, "Test accuracy", subtitle)
    axes = figure.subplots()
    spread = np.abs(values[:, 1:] - values[:, :1]).T
    axes.errorbar(values[:, 0], rows, xerr=spread, fmt="o", color=BLUE, capsize=3, lw=1.4)
    axes.set_yticks(rows, [shorten(name, _NAME_WIDTH) for name in accuracies])
    axes.set_ylim(len(values) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_formatter(PercentFormatter(xmax=1.0))
    axes.xaxis.set_major_locator(MaxNLocator(8))
    axes.grid(axis="x")
    return figure
