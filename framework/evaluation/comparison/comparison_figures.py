"""Several runs in one picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from framework.evaluation.figures.learning_curves import read_column
from framework.evaluation.figures.style import (
    BLUE,
    COLOURS,
    FAINT,
    make_figure,
    shorten,
    show_message,
    styled,
)
from framework.evaluation.metrics.training_summary import HistoryRow

# Each run its own pair of colour and line; more runs could not be told apart.
_LOOKS = list(product(("-", "--"), COLOURS))
MOST_RUNS_TOLD_APART = len(_LOOKS)
_NAME_WIDTH = 40


@styled
def plot_overlaid_curves(histories: Mapping[str, Sequence[HistoryRow]]) -> Figure:
    """Draw the validation curves of several runs over each other.

    Args:
        histories: Run -> its history, the most important run first; those beyond
            the number of looks are drawn faint.
    """
    trained = {name: history for name, history in histories.items() if history}
    untrained = len(histories) - len(trained)
    said = [f"{len(trained)} runs"]
    if untrained:
        said.append(f"{untrained} without a training of their own left out")
    if len(trained) > MOST_RUNS_TOLD_APART:
        said.append(f"the {MOST_RUNS_TOLD_APART} with the best test accuracy in colour")
    rows = -(-min(len(trained), MOST_RUNS_TOLD_APART) // 2)
    figure = make_figure(11.0, 4.0 + 0.2 * rows, "Validation curves", " · ".join(said))
    if not trained:
        show_message(figure.subplots(), "None of the runs trained.")
        return figure
    for axes, metric in zip(figure.subplots(1, 2), ("val_loss", "val_accuracy"), strict=True):
        _draw_runs(axes, trained, metric)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower left", ncols=2)
    return figure


def _draw_runs(axes: Axes, histories: Mapping[str, Sequence[HistoryRow]], metric: str) -> None:
    for place, (name, history) in enumerate(histories.items()):
        epochs, values = read_column(history, "epoch"), read_column(history, metric)
        marker = "o" if len(epochs) == 1 else ""
        if place < MOST_RUNS_TOLD_APART:
            line, colour = _LOOKS[place]
            axes.plot(
                epochs, values, linestyle=line, color=colour, marker=marker, lw=1.8,
                label=shorten(name, _NAME_WIDTH), zorder=3 - place / MOST_RUNS_TOLD_APART,
            )  # fmt: skip
        else:
            axes.plot(epochs, values, color=FAINT, marker=marker, lw=1.0, zorder=1)
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
    places = np.arange(len(values))
    figure = make_figure(
        9.0,
        0.32 * len(values) + 0.8,
        "Test accuracy",
        f"{len(values)} runs · bars are 95 % intervals (Wilson)",
    )
    axes = figure.subplots()
    spread = np.abs(values[:, 1:] - values[:, :1]).T
    axes.errorbar(values[:, 0], places, xerr=spread, fmt="o", color=BLUE, capsize=3, lw=1.4)
    axes.set_yticks(places, [shorten(name, _NAME_WIDTH) for name in accuracies])
    axes.set_ylim(len(values) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_formatter(PercentFormatter(xmax=1.0))
    axes.xaxis.set_major_locator(MaxNLocator(8))
    axes.grid(axis="x")
    return figure
