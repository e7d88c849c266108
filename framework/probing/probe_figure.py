"""The figure of a probe: accuracy against depth."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from framework.evaluation.figures.style import COLORS, DARK_GRAY, make_figure, styled
from framework.probing.backbone_probe import ProbedBackbone
from framework.probing.probe_rows import ProbeRow, list_shots
from framework.utils.text import shorten

_MARKERS = "osD^v<>"
_OWN_LAYER: dict[str, Any] = {"color": DARK_GRAY, "linestyle": ":", "linewidth": 1.4}
_BEST: dict[str, Any] = {
    "linestyle": "", "marker": "o", "markersize": 12, "markerfacecolor": "none",
    "markeredgecolor": DARK_GRAY, "markeredgewidth": 1.6, "zorder": 4,
}  # fmt: skip
_POOLINGS = {"flatten": "maps flattened", "average": "averaged", "token": "first token"}


@styled
def plot_probe(best: ProbeRow, probed: Sequence[ProbedBackbone], subtitle: str) -> Figure:
    """Plot the accuracies of layers against their depth, and mark the best."""
    rows = [row for backbone in probed for row in backbone.rows]
    poolings = [name for name in _POOLINGS if any(row.pooling == name for row in rows)]
    widths = [max(4.0, 0.2 * len(backbone.layers)) for backbone in probed]
    title = "Accuracy of a linear classifier on each layer"
    figure = make_figure(max(8.0, 1.5 + sum(widths)), 2.6 * len(poolings) + 1.9, title, subtitle)
    panels = figure.subplots(
        len(poolings), len(probed), sharex="col", sharey=True, squeeze=False, width_ratios=widths
    )
    for column, backbone in zip(panels.T, probed, strict=True):
        layers = list(backbone.layers)
        for axes, pooling in zip(column, poolings, strict=True):
            _draw_panel(axes, [row for row in backbone.rows if row.pooling == pooling], layers)
            axes.set_title(f"{backbone.name}, {_POOLINGS[pooling]}")
            for name in set(backbone.own_layers) & set(layers):
                axes.axvline(layers.index(name), **_OWN_LAYER, label="the config's own layer")
            if (best.backbone, best.pooling) == (backbone.name, pooling):
                axes.plot(
                    layers.index(best.layer), best.validation_accuracy, **_BEST,
                    label=f"best: {best.layer}, {best.validation_accuracy:.2%}",
                )  # fmt: skip
        column[-1].set_xticks(range(len(layers)), [shorten(name) for name in layers], rotation=90)
    for axes in panels[:, 0]:
        axes.set_ylabel("validation accuracy")
    handles = {
        label: handle
        for axes in panels.flat
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(handles.values(), handles.keys(), loc="outside lower left", ncols=3)
    return figure


def _draw_panel(axes: Axes, rows: Sequence[ProbeRow], layers: Sequence[str]) -> None:
    for index, shots in enumerate(reversed(list_shots(rows))):
        chosen = [row for row in rows if row.shots == shots]
        depth = np.array([layers.index(row.layer) for row in chosen])
        values = np.array([(row.validation_accuracy, row.low, row.high) for row in chosen])
        color = COLORS[index % len(COLORS)]
        label = "all images" if shots == "all" else f"{shots} images per class"
        axes.plot(
            depth, values[:, 0], color=color, marker=_MARKERS[index % len(_MARKERS)],
            markersize=4, label=label,
        )  # fmt: skip
        axes.fill_between(depth, values[:, 1], values[:, 2], color=color, alpha=0.15, linewidth=0)
    axes.yaxis.set_major_formatter(PercentFormatter(xmax=1.0))
    axes.grid(axis="y")
