"""The report of a run as one self-contained page."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import keras
from PIL import Image

from framework.config import dump_config
from framework.evaluation.figure_data.predicted_images import MAX_MISTAKES, PredictedImages
from framework.evaluation.metrics.confusions import find_confusions
from framework.evaluation.metrics.training_summary import is_finite, summarize_training
from framework.evaluation.report.data_section import find_data_issues
from framework.evaluation.report.data_uri import embed_images
from framework.evaluation.report.figure_specs import FigureSpec, Section
from framework.evaluation.report.matrix_section import Cell, collect_pictures, list_rows
from framework.evaluation.report.report_inputs import SPLITS, ReportInputs
from framework.evaluation.report.run_head import describe_run
from framework.evaluation.report.templating import render_template
from framework.runs.announcements import describe_model_epoch
from framework.runs.manifest import RUN
from framework.utils.text import hide_passwords

MAX_CONFUSIONS = 12
SHOWN_ELSEWHERE = (RUN, "substitutions", "class_names", "subject", "notes", "data.remarks")
"""What the page's list of the environment leaves out."""

_FIGURE_SCALE = 1.3  # pixels of a figure for one of the page: 130 dpi against 100


@dataclass(frozen=True)
class RenderedFigure:
    """A figure that was drawn and written.

    Args:
        spec: What was to be drawn.
        path: Its file.
        title: Its first line, which says what it shows.
        subtitle: Its second line, which says of what.
    """

    spec: FigureSpec
    path: Path
    title: str
    subtitle: str

    @property
    def display_size(self) -> tuple[int, int]:
        """Its width and height on the page, in pixels."""
        with Image.open(self.path) as image:
            width, height = (round(side / _FIGURE_SCALE) for side in image.size)
        return width, height


def render_report(
    inputs: ReportInputs, figures: Sequence[RenderedFigure], left_out: Mapping[str, str]
) -> str:
    """Render the page.

    Args:
        inputs: What the report is made from.
        figures: The figures drawn.
        left_out: The file name of each figure that failed -> why.

    Returns:
        HTML that needs no other file and no network.
    """
    metrics, test = inputs.metrics, inputs.predictions["test"]
    confusions = find_confusions(test.confusion_matrix, MAX_CONFUSIONS)
    placed = [figure for figure in figures if figure.spec.section]
    return render_template(
        "report.html",
        subject=inputs.subject,
        run=list(describe_run(inputs.environment, metrics)),
        metrics=metrics,
        splits=[split for split in SPLITS if split in metrics],
        wrong=len(test) - int(test.correct.sum()),
        sizes={split: len(predictions) for split, predictions in inputs.predictions.items()},
        is_evaluation=inputs.is_evaluation,
        unknown=metrics.get("unknown"),
        diverged=metrics.get("diverged"),
        substitutions=inputs.environment.get("substitutions", []),
        notes=[*_find_notes(inputs), *(f"{k} is left out: {v}" for k, v in left_out.items())],
        confusions=confusions,
        matrix=list_rows(test.confusion_matrix),
        cells=collect_pictures(inputs, confusions),
        find_cell=Cell,
        mistakes=list(_list_mistakes(inputs)),
        class_names=inputs.class_names,
        data_issues=find_data_issues(inputs),
        figures={
            section: [figure for figure in placed if figure.spec.section == section]
            for section in get_args(Section)
        },
        uris=embed_images([figure.path for figure in placed]),
        layers=_list_layers(inputs.classifier),
        config=hide_passwords(json.dumps(dump_config(inputs.config), indent=2, ensure_ascii=False)),
        environment=list(_list_environment(inputs.environment)),
    )


def _list_mistakes(inputs: ReportInputs) -> Iterator[dict[str, str]]:
    """Yield the file of each image of `misclassified.png`, where images have files."""
    images = inputs.images.get("test")
    if images is None or not images.file_names:
        return
    test = PredictedImages(inputs.predictions["test"], images, inputs.class_names, inputs.subject)
    for position in test.rank_mistakes()[:MAX_MISTAKES]:
        yield {
            "file": images.file_names[position],
            "true": inputs.class_names[test.predictions.true[position]],
            "predicted": inputs.class_names[test.predictions.predicted[position]],
            "confidence": test.format_confidence(position),
        }


def _find_notes(inputs: ReportInputs) -> Iterator[str]:
    """Yield what a reader must know to judge the metrics."""
    yield from inputs.environment.get("data", {}).get("remarks", ())
    yield from inputs.environment.get("notes", ())
    summary = summarize_training(inputs.history, inputs.config.training_config)
    if inputs.is_evaluation:
        pass
    elif not inputs.history:
        yield "This run trained nothing; it evaluates a classifier that was trained before."
    elif summary.stopped is not None and summary.diverged is None:
        reason = "Early stopping ended" if summary.early_stopping else "The run ended"
        yield f"{reason} the training after epoch {summary.stopped} of {summary.planned}."
    elif summary.solved:
        solver = inputs.metrics["solver"]
        yield (
            f"The last layer was solved in closed form by ridge regression on {solver['images']:,} "
            f"images (alpha {solver['alpha']:g}): there were no epochs."
        )
    elif len(inputs.history) == 1:
        yield "The training had a single epoch."
    if sentence := describe_model_epoch(inputs.metrics, inputs.config):
        yield sentence
    for split, predictions in inputs.predictions.items():
        if not is_finite(predictions.loss):
            yield f"The loss on the {split} images is not a finite number."
    matrix = inputs.predictions["test"].confusion_matrix
    for counts, what in (
        (matrix.sum(axis=1), "No test images, so that recall, precision and f1 count as 0"),
        (matrix.sum(axis=0), "Never predicted, so that precision and f1 count as 0"),
    ):
        names = [name for name, n in zip(inputs.class_names, counts, strict=True) if n == 0]
        if names:
            yield f"{what}: {', '.join(names)}."


def _list_layers(classifier: keras.Model | None) -> list[dict[str, str | int]]:
    if classifier is None:
        return []
    return [
        {
            "name": layer.name,
            "kind": type(layer).__name__,
            "shape": " x ".join("n" if side is None else str(side) for side in layer.output.shape),
            "parameters": layer.count_params(),
            "trainable": bool(layer.trainable_weights),
        }
        for layer in classifier.layers
    ]


def _list_environment(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield `(dotted name, value)` of nested values, without those shown elsewhere."""
    for key, value in values.items():
        if prefix + key in SHOWN_ELSEWHERE:
            continue
        if isinstance(value, Mapping):
            yield from _list_environment(value, f"{prefix}{key}.")
        else:
            yield prefix + key, "–" if value is None else str(value)
