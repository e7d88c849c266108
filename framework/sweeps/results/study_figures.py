"""Figures of a study: parameter importances, and the metric trial by trial."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import optuna
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from optuna.importance import get_param_importances
from optuna.trial import TrialState

from framework.evaluation.figures.style import (
    BLUE,
    GRAY,
    ORANGE,
    make_figure,
    save_figure,
    show_message,
    styled,
)
from framework.sweeps.parameter_names import shorten_paths
from framework.sweeps.results.ranking import Row
from framework.utils.text import shorten

_MIN_TRIALS = 4
"""Fewer complete trials say nothing about importances."""


def draw_figures(study: optuna.Study, rows: Sequence[Row], metric: str, directory: Path) -> None:
    """Write `importances.png` and `history.png`.

    Raises:
        RunError: A file can't be written.
    """
    complete = sum(row.state == "complete" for row in rows)
    importances = measure_importances(study) if complete >= _MIN_TRIALS else {}
    minimized = study.direction == optuna.study.StudyDirection.MINIMIZE
    save_figure(plot_importances(importances, metric, complete), directory / "importances.png")
    save_figure(plot_history(rows, metric, minimized), directory / "history.png")


def measure_importances(study: optuna.Study) -> dict[str, float]:
    """Return the share of each parameter in the metric's variation, the largest first.

    Optuna's default, PED-ANOVA (Watanabe, Bansal and Hutter, arXiv 2304.10255); empty
    where the trials do not differ.
    """
    values = {trial.value for trial in study.get_trials(False, (TrialState.COMPLETE,))}
    if len(values) < 2:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # About few trials; the figure says how many.
        return get_param_importances(study)


@styled
def plot_importances(importances: Mapping[str, float], metric: str, trials: int) -> Figure:
    """Plot how much each key mattered.

    Args:
        importances: Dotted path -> share, the largest first; may be empty.
        metric: What they are shares of.
        trials: How many complete trials they were computed from.
    """
    subtitle = f"share in the variation of {metric} · {trials} complete trials · PED-ANOVA"
    height = 0.34 * max(2, len(importances)) + 0.8
    figure = make_figure(8.0, height, "Which key mattered", subtitle)
    axes = figure.subplots()
    if not importances:
        show_message(axes, "Too few different trials to tell.")
        return figure
    names = shorten_paths(list(importances))
    positions = range(len(names))
    bars = axes.barh(positions, list(importances.values()), color=BLUE, height=0.6)
    axes.bar_label(bars, [f"{share:.0%}" for share in importances.values()], padding=4)
    axes.set_yticks(positions, [shorten(name, 36) for name in names.values()])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.set_xlim(0, 1.12 * max(*importances.values(), 0.1))
    axes.xaxis.set_major_formatter(PercentFormatter(xmax=1.0, decimals=0))
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.grid(axis="x")
    return figure


@styled
def plot_history(rows: Sequence[Row], metric: str, minimized: bool) -> Figure:
    """Plot the metric of each trial, and the best so far.

    Args:
        rows: The trials, in any order.
        metric: Its name.
        minimized: Whether lower values are better.
    """
    rows = sorted((row for row in rows if row.value is not None), key=lambda row: row.trial)
    complete = [row for row in rows if row.state == "complete"]
    pruned = [row for row in rows if row.state == "pruned"]
    counts = f"{len(complete)} complete trials" + (f", {len(pruned)} pruned" if pruned else "")
    figure = make_figure(8.0, 3.6, "How the search went", f"{metric} · {counts}")
    axes = figure.subplots()
    _draw_trials(axes, complete, "complete", marker="o", color=BLUE)
    _draw_trials(axes, pruned, "pruned, after its last epoch", marker="x", color=GRAY)
    best: list[float] = []
    choose = min if minimized else max
    for row in complete:
        best.append(choose([*best[-1:], float(row.value or 0.0)]))
    axes.step(
        [row.trial for row in complete], best, where="post", color=ORANGE, label="best so far"
    )
    if "accuracy" in metric:
        axes.yaxis.set_major_formatter(PercentFormatter(xmax=1.0))
    axes.xaxis.set_major_locator(MaxNLocator(nbins=12, integer=True, min_n_ticks=1))
    axes.set_xlabel("trial")
    axes.set_ylabel(metric)
    axes.grid(axis="y")
    figure.legend(loc="outside lower left", ncols=3)
    return figure


def _draw_trials(axes: Axes, rows: Sequence[Row], label: str, marker: str, color: str) -> None:
    if rows:
        axes.scatter(
            [row.trial for row in rows], [float(row.value or 0.0) for row in rows],
            marker=marker, color=color, label=label, zorder=3,
        )  # fmt: skip
