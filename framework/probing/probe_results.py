"""The results of a probe: its table, figure and page, and the config of the best layer."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from framework.config import Config
from framework.data.images import Images
from framework.evaluation.figures.style import save_figure
from framework.evaluation.report.data_uri import embed_images
from framework.evaluation.report.templating import render_template
from framework.probing.backbone_probe import ProbedBackbone
from framework.probing.best_config import format_config, replace_top
from framework.probing.pooling import MAX_FEATURES
from framework.probing.probe_figure import plot_probe
from framework.probing.probe_rows import ProbeRow, explain_best, find_best, format_csv, list_shots
from framework.utils.fallbacks import Fallback
from framework.utils.files import write_text

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Probe:
    """What a probe has found.

    Args:
        directory: Holds `probe.csv`, `probe.png`, `probe.html` and `config.yaml`.
        config: What was probed.
        subject: Backbones, weights and data, for people.
        images: `training` and `validation`.
        backbones: The backbones with their layers.
        fallbacks: Used in place of what the config names.
    """

    directory: Path
    config: Config = field(repr=False)
    subject: str
    images: Mapping[str, Images] = field(repr=False)
    backbones: Sequence[ProbedBackbone] = field(repr=False)
    fallbacks: Sequence[Fallback]

    @property
    def rows(self) -> list[ProbeRow]:
        """The rows of `probe.csv`."""
        return [row for backbone in self.backbones for row in backbone.rows]

    @property
    def best(self) -> ProbeRow:
        """The row of the layer that `config.yaml` reads."""
        return find_best(self.rows)


def write_results(probe: Probe) -> None:
    """Write `probe.csv`, `probe.png`, `config.yaml` and `probe.html`, and log the conclusion.

    Raises:
        RunError: A file can't be written.
    """
    directory, rows, best, images = probe.directory, probe.rows, probe.best, probe.images
    own = probe.config.model_configuration.model_name
    own_layers = [name for each in probe.backbones if each.name == own for name in each.own_layers]
    verdict = explain_best(rows, own, own_layers, len(images["validation"]))
    config = format_config(replace_top(probe.config, best), verdict)
    subject = (
        f"{probe.subject} · {len(images['training']):,} training and "
        f"{len(images['validation']):,} validation images"
    )
    write_text(directory / "probe.csv", format_csv(rows))
    write_text(directory / "config.yaml", config)
    figure = save_figure(plot_probe(best, probe.backbones, subject), directory / "probe.png")
    command = f"python run.py --config {directory / 'config.yaml'}"
    page = render_template(
        "probe.html",
        subject=subject,
        verdict=verdict,
        substitutions=probe.fallbacks,
        figure=embed_images([figure])[figure],
        next=command,
        bound=MAX_FEATURES,
        shots=list_shots(rows),
        table=_make_table(probe),
        config=config,
    )
    write_text(directory / "probe.html", page)
    logger.info("")
    logger.info("%s", verdict)
    logger.info("Results   %s", directory)
    logger.info("Look at   %s", directory / "probe.html")
    logger.info("Next      %s", command)


def _make_table(probe: Probe) -> list[dict[str, Any]]:
    """Return the page's table: a line for each layer and pooling."""
    groups: dict[tuple[str, ...], list[ProbeRow]] = {}
    highest: dict[int | str, float] = {}
    for row in probe.rows:
        groups.setdefault((row.backbone, row.layer, row.pooling), []).append(row)
        highest[row.shots] = max(row.validation_accuracy, highest.get(row.shots, 0.0))
    own = {(backbone.name, name) for backbone in probe.backbones for name in backbone.own_layers}
    shots = list_shots(probe.rows)
    return [
        {
            "backbone": backbone,
            "layer": layer,
            "own": (backbone, layer) in own,
            "shape": rows[0].output.description,
            "pooling": pooling,
            "features": rows[0].features,
            "cells": [
                {"row": row, "best": row.validation_accuracy == highest[row.shots]}
                for row in sorted(rows, key=lambda row: shots.index(row.shots))
            ],
        }
        for (backbone, layer, pooling), rows in groups.items()
    ]
