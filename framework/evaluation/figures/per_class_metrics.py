"""The metrics of each class as bars."""

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.container import BarContainer
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from framework.evaluation.figures.style import (
    BLUE,
    DARK_GRAY,
    GRAY,
    LIGHT_GRAY,
    make_figure,
    styled,
)
from framework.utils.text import shorten

MAX_CLASSES = 120
_MAX_CLASSES_WITH_NUMBERS = 30
_MEASURES = {
    "precision": "precision",
    "recall": "recall (sensitivity)",
    "specificity": "specificity",
    "f1": "f1",
    "support": "test images",
}


@styled
def plot_per_class_metrics(per_class: Mapping[str, Mapping[str, float]], subject: str) -> Figure:
    """Draw precision, recall, specificity, f1 and support of every class as bars.

    Args:
        per_class: Class -> its metrics, as `compute_metrics` returns them.
        subject: What was trained on what.
    """
    shown = dict(per_class)
    if len(shown) > MAX_CLASSES:
        worst = sorted(shown, key=lambda name: shown[name]["f1"])[:MAX_CLASSES]
        shown = {name: shown[name] for name in worst}
        subject += f" · the {MAX_CLASSES} of {len(per_class)} classes with the lowest f1"
    classes = len(shown)
    few = classes <= _MAX_CLASSES_WITH_NUMBERS
    height = (0.3 if few else 0.145) * classes + 1.1
    figure = make_figure(11.0, height, "Scores of each class, test images", subject)
    panels = figure.subplots(1, len(_MEASURES))
    for axes, (measure, label) in zip(panels, _MEASURES.items(), strict=True):
        values = [metrics[measure] for metrics in shown.values()]
        is_share = measure != "support"
        if is_share:
            axes.barh(range(classes), [1.0] * classes, color=LIGHT_GRAY, height=0.7)
        bars = axes.barh(range(classes), values, color=BLUE if is_share else GRAY, height=0.7)
        axes.set(title=label, yticks=[], ylim=(classes - 0.4, -0.6))
        axes.set_xlim(0, 1.0 if is_share else max(*values, 1) * 1.25)
        axes.spines[:].set_visible(False)
        axes.xaxis.set_major_locator(MaxNLocator(2, integer=not is_share))
        if few:
            _label_bars(axes, bars, is_share)
    names = [shorten(name) for name in shown]
    panels[0].set_yticks(range(classes), names, size=9 if few else 6.5)
    panels[0].tick_params(axis="y", length=0)
    return figure


def _label_bars(axes: Axes, bars: BarContainer, is_share: bool) -> None:
    """Write shares at the start of their bars, counts after them."""
    for bar in bars:
        value, center = bar.get_width(), bar.get_y() + bar.get_height() / 2
        text, left = (f" {value:.3f}", 0) if is_share else (f" {value:,}", value)
        color = "white" if is_share and value > 0.3 else DARK_GRAY
        axes.text(left, center, text, va="center", size=8, color=color)
