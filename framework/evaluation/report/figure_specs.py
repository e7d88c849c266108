"""Which figures a run produces, and where its report shows them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import keras
import numpy as np
from matplotlib.figure import Figure

from framework.evaluation.figures.activations import plot_feature_maps, plot_filters
from framework.evaluation.figures.confusion_matrix import plot_confusion_matrix
from framework.evaluation.figures.dataset_overview import plot_dataset
from framework.evaluation.figures.embedding import plot_embedding
from framework.evaluation.figures.grad_cam import plot_grad_cam
from framework.evaluation.figures.learning_curves import plot_curves
from framework.evaluation.figures.per_class_metrics import plot_per_class_metrics
from framework.evaluation.figures.reliability_diagram import plot_reliability
from framework.evaluation.figures.risk_coverage import plot_risk_coverage
from framework.evaluation.figures.roc_pr_curves import plot_roc_pr_curves
from framework.evaluation.figures.sample_images import PredictedImages, plot_mistakes, plot_samples
from framework.evaluation.metrics.classification_metrics import compute_metrics
from framework.evaluation.metrics.training_summary import summarize_training
from framework.evaluation.report.report_inputs import SPLITS, ReportInputs

Section = Literal["result", "errors", "curves", "data", "inside"]


@dataclass(frozen=True)
class FigureSpec:
    """A figure of a run that is yet to be drawn.

    Args:
        name: The name of its file.
        draw: Draws it.
        section: Where the report shows it; `None` for a file alone.
        photo: Whether it shows images, which keep their colors on a dark page.
        folded: Whether the report shows it on demand only.
        optional: Whether a run continues without it when it fails.
    """

    name: str
    draw: Callable[[], Figure]
    section: Section | None
    photo: bool = False
    folded: bool = False
    optional: bool = False


def list_figures(inputs: ReportInputs) -> list[FigureSpec]:
    """List the figures of a run in the order of its report."""
    test = PredictedImages(
        inputs.predictions["test"],
        inputs.images["test"],
        inputs.class_names,
        inputs.subject,
        inputs.config.training_config.seed,
    )
    specs = [*_list_matrices(inputs), *_list_errors(inputs, test)]
    if inputs.is_evaluation:
        return specs
    splits = {split: inputs.images[split] for split in SPLITS}
    augmented = bool(inputs.config.data_config.data_augmentation)
    plot_data = partial(plot_dataset, splits, inputs.class_names, inputs.subject, augmented)
    return [
        *specs,
        *_list_curves(inputs),
        FigureSpec("dataset.png", plot_data, "data", photo=True),
        *_list_inside(inputs, test),
    ]


def _list_matrices(inputs: ReportInputs) -> Iterator[FigureSpec]:
    for split in reversed(SPLITS):
        if split not in inputs.predictions:
            continue
        matrix = inputs.predictions[split].confusion_matrix
        draw = partial(plot_confusion_matrix, matrix, inputs.class_names, split, inputs.subject)
        is_test = split == "test"
        section: Section = "result" if is_test else "errors"
        yield FigureSpec(f"confusion_matrix_{split}.png", draw, section, folded=not is_test)
    if folds := inputs.metrics.get("folds"):
        matrix = np.array(folds["out_of_fold"]["confusion_matrix"])
        of = "training, out of fold"
        draw = partial(plot_confusion_matrix, matrix, inputs.class_names, of, inputs.subject)
        yield FigureSpec("confusion_matrix_folds.png", draw, "errors", folded=True)


def _list_errors(inputs: ReportInputs, test: PredictedImages) -> Iterator[FigureSpec]:
    yield FigureSpec("misclassified.png", partial(plot_mistakes, test), "errors", photo=True)
    yield FigureSpec("sample_predictions.png", partial(plot_samples, test), "errors", photo=True)
    predictions, names, subject = test.predictions, test.class_names, test.subject
    per_class = compute_metrics(predictions, names)["per_class"]
    temperature = inputs.metrics.get("calibration", {}).get("temperature")
    for name, draw in (
        ("class_scores.png", partial(plot_per_class_metrics, per_class, subject)),
        ("reliability.png", partial(plot_reliability, predictions, subject, temperature)),
        ("risk_coverage.png", partial(plot_risk_coverage, predictions, inputs.threshold, subject)),
        ("one_vs_rest.png", partial(plot_roc_pr_curves, predictions, names, subject)),
    ):
        yield FigureSpec(name, draw, "errors", optional=True)


def _list_curves(inputs: ReportInputs) -> Iterator[FigureSpec]:
    history, subject = inputs.history, inputs.subject
    summary = summarize_training(history, inputs.config.training_config)
    summary = replace(summary, model=inputs.metrics.get("model_epoch"))
    for metric in ("loss", "accuracy"):
        for prefix, splits in (
            ("", ("training", "validation")),
            ("training_", ("training",)),
            ("validation_", ("validation",)),
        ):
            draw = partial(plot_curves, history, metric, splits, summary, subject)
            yield FigureSpec(f"{prefix}{metric}.png", draw, None if prefix else "curves")


def _list_inside(inputs: ReportInputs, test: PredictedImages) -> Iterator[FigureSpec]:
    options, classifier = inputs.config.report_config, inputs.classifier
    make_spec = partial(FigureSpec, section="inside", optional=True)
    if options.grad_cam:
        yield make_spec("grad_cam.png", partial(plot_grad_cam, classifier, test), photo=True)
    for layer in options.feature_maps:
        draw = partial(_plot_maps_of_sample, classifier, layer, test)
        yield make_spec(f"feature_maps_{layer}.png", draw, photo=True)
    for layer in options.filters:
        draw = partial(plot_filters, classifier, layer, inputs.subject)
        yield make_spec(f"filters_{layer}.png", draw, photo=True)
    if options.embedding:
        yield make_spec("embedding.png", partial(plot_embedding, classifier, test))


def _plot_maps_of_sample(classifier: keras.Model, layer: str, test: PredictedImages) -> Figure:
    """Draw the maps of the first test image that is classified right, or else of the first."""
    predictions = test.predictions
    position = np.argmax(predictions.correct)
    image = test.images.read(np.array([position]))[0]
    name = test.class_names[predictions.true[position]]
    of = f"test image no. {predictions.indices[position]}, class {name}"
    return plot_feature_maps(classifier, layer, image, of, test.subject)
