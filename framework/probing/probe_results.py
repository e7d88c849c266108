"""What a probe leaves behind: its table, figure, page, and the config of the best layer."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from framework.config import Config
from framework.evaluation.figures.style import save_figure
from framework.evaluation.report.data_uri import embed_images
from framework.evaluation.report.templating import render_template
from framework.probing.backbone_probe import ProbedBackbone, Subjects
from framework.probing.pooling import MAX_FEATURES
from framework.probing.probe_figure import plot_probe
from framework.probing.probe_table import (
    Row,
    describe_shape,
    explain_best,
    find_best,
    format_csv,
    list_shots,
)
from framework.probing.tapped_config import format_config, tap_layer
from framework.utils.fallbacks import Fallback
from framework.utils.files import write_text

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ProbeResult:
    """All that the results of a probe are made from.

    Args:
        config: What was probed.
        subject: Backbones, weights and data, for people.
        subjects: The images.
        rows: The lines of `probe.csv`.
        probed: The backbones with their layers.
        fallbacks: Used in place of what the config names.
    """

    config: Config
    subject: str
    subjects: Subjects
    rows: Sequence[Row]
    probed: Sequence[ProbedBackbone]
    fallbacks: Sequence[Fallback]

    @property
    def best(self) -> Row:
        """The row to build on."""
        return find_best(self.rows)

    def explain(self) -> str:
        """Say in a sentence or two what the config's own cut loses."""
        own = self.config.model_configuration.model_name
        layers = [name for each in self.probed if each.name == own for name in each.own]
        return explain_best(self.rows, own, layers, len(self.subjects.validation))


def write_results(directory: Path, findings: ProbeResult) -> None:
    """Write `probe.csv`, `probe.png`, `config.yaml` and `probe.html`, and say what they say.

    Raises:
        RunError: A file can't be written.
    """
    rows, best = findings.rows, findings.best
    layer = next(
        output
        for backbone in findings.probed
        for output in backbone.outputs
        if (backbone.name, output.name) == (best.backbone, best.layer)
    )
    verdict = findings.explain()
    values = tap_layer(findings.config, layer, best, len(findings.subjects.class_names))
    config = format_config(values, verdict)
    subject = (
        f"{findings.subject} · {len(findings.subjects.training):,} training and "
        f"{len(findings.subjects.validation):,} validation images"
    )
    write_text(directory / "probe.csv", format_csv(rows))
    write_text(directory / "config.yaml", config)
    figure = save_figure(plot_probe(rows, best, findings.probed, subject), directory / "probe.png")
    command = f"python run.py --config {directory / 'config.yaml'}"
    page = render_template(
        "probe.html",
        subject=subject,
        verdict=verdict,
        substitutions=findings.fallbacks,
        figure=embed_images([figure])[figure],
        next=command,
        bound=MAX_FEATURES,
        shots=list_shots(rows),
        table=_arrange_table(findings),
        config=config,
    )
    write_text(directory / "probe.html", page)
    logger.info("")
    logger.info("%s", verdict)
    logger.info("Results   %s", directory)
    logger.info("Look at   %s", directory / "probe.html")
    logger.info("Next      %s", command)


def _arrange_table(findings: ProbeResult) -> list[dict[str, Any]]:
    """Arrange the rows as the page shows them: a line for each layer and pooling."""
    rows = findings.rows
    highest = {
        shots: max(row.validation_accuracy for row in rows if row.shots == shots)
        for shots in list_shots(rows)
    }
    lines = []
    for backbone in findings.probed:
        for output in backbone.outputs:
            for pooling in output.poolings:
                place = (backbone.name, output.name, pooling)
                cells = [row for row in rows if (row.backbone, row.layer, row.pooling) == place]
                lines.append(
                    {
                        "backbone": backbone.name,
                        "layer": output.name,
                        "own": output.name in backbone.own,
                        "shape": describe_shape(output),
                        "pooling": pooling,
                        "features": cells[0].features,
                        "cells": [
                            {"row": row, "best": row.validation_accuracy == highest[row.shots]}
                            for row in sorted(cells, key=lambda row: list(highest).index(row.shots))
                        ],
                    }
                )
    return lines
