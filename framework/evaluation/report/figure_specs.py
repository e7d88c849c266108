"""Which pictures a run leaves behind, and where its report shows them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
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
from framework.evaluation.figures.per_class_metrics import (
    plot_one_vs_rest,
    plot_per_class_metrics,
    plot_reliability,
)
from framework.evaluation.figures.sample_images import plot_mistakes, plot_samples
from framework.evaluation.metrics.classification_metrics import compute_metrics
from framework.evaluation.metrics.training_summary import summarize_training
from framework.evaluation.report.report_inputs import SPLITS, ReportInputs

Section = Literal["result", "errors", "curves", "data", "inside"]


@dataclass(frozen=True)
class FigureSpec:
    """One picture of a run.

    Args:
        name: Its file.
        draw: Makes it.
        section: Where the report shows it; `None` for a file alone.
        photo: Whether it shows images, which keep their colours on a dark page.
        folded: Whether the report shows it on demand only.
        optional: Whether a run goes on without it when it fails.
    """

    name: str
    draw: Callable[[], Figure]
    section: Section | None
    photo: bool = False
    folded: bool = False
    optional: bool = False


def list_figures(inputs: ReportInputs) -> list[FigureSpec]:
    """List the pictures of a run in the order of its report."""
    return [
        *_list_matrices(inputs),
        *_list_errors(inputs),
        *_list_curves(inputs),
        *_list_data(inputs),
        *_list_inside(inputs),
    ]


def _list_matrices(inputs: ReportInputs) -> Iterator[FigureSpec]:
    for split in ("test", "validation", "training"):
        matrix = inputs.predictions[split].confusion_matrix
        draw = partial(plot_confusion_matrix, matrix, inputs.class_names, split, inputs.subject)
        is_test = split == "test"
        section: Section = "result" if is_test else "errors"
        yield FigureSpec(f"confusion_matrix_{split}.png", draw, section, folded=not is_test)


def _list_errors(inputs: ReportInputs) -> Iterator[FigureSpec]:
    test, names, subject = inputs.predictions["test"], inputs.class_names, inputs.subject
    images, seed = inputs.images["test"], inputs.config.training_config.seed
    mistakes = partial(plot_mistakes, test, images, names, subject)
    yield FigureSpec("misclassified.png", mistakes, "errors", photo=True)
    samples = partial(plot_samples, test, images, names, subject, seed)
    yield FigureSpec("sample_predictions.png", samples, "errors", photo=True)
    per_class = compute_metrics(test, names)["per_class"]
    for name, draw in (
        ("class_scores.png", partial(plot_per_class_metrics, per_class, subject)),
        ("reliability.png", partial(plot_reliability, test, subject)),
        ("one_vs_rest.png", partial(plot_one_vs_rest, test, names, subject)),
    ):
        yield FigureSpec(name, draw, "errors", optional=True)


def _list_curves(inputs: ReportInputs) -> Iterator[FigureSpec]:
    milestones = summarize_training(inputs.history, inputs.config.training_config)
    for metric in ("loss", "accuracy"):
        for prefix, splits in (
            ("", ("training", "validation")),
            ("training_", ("training",)),
            ("validation_", ("validation",)),
        ):
            draw = partial(plot_curves, inputs.history, metric, splits, milestones, inputs.subject)
            yield FigureSpec(f"{prefix}{metric}.png", draw, None if prefix else "curves")


def _list_data(inputs: ReportInputs) -> Iterator[FigureSpec]:
    augmented = bool(inputs.config.data_config.data_augmentation)
    splits = {split: inputs.images[split] for split in SPLITS}
    draw = partial(plot_dataset, splits, inputs.class_names, inputs.subject, augmented)
    yield FigureSpec("dataset.png", draw, "data", photo=True)


def _list_inside(inputs: ReportInputs) -> Iterator[FigureSpec]:
    wanted, classifier = inputs.config.report_config, inputs.classifier
    test, images = inputs.predictions["test"], inputs.images["test"]
    names, subject = inputs.class_names, inputs.subject
    make = partial(FigureSpec, section="inside", optional=True)
    if wanted.grad_cam:
        draw = partial(plot_grad_cam, classifier, test, images, names, subject)
        yield make("grad_cam.png", draw, photo=True)
    for layer in wanted.feature_maps:
        draw = partial(_plot_maps_of_sample, classifier, layer, inputs)
        yield make(f"feature_maps_{layer}.png", draw, photo=True)
    for layer in wanted.filters:
        draw = partial(plot_filters, classifier, layer, subject)
        yield make(f"filters_{layer}.png", draw, photo=True)
    if wanted.embedding:
        seed = inputs.config.training_config.seed
        draw = partial(plot_embedding, classifier, test, images, names, subject, seed)
        yield make("embedding.png", draw)


def _plot_maps_of_sample(classifier: keras.Model, layer: str, inputs: ReportInputs) -> Figure:
    """Draw the maps of the first test image that is classified right, or else of the first."""
    test = inputs.predictions["test"]
    position = np.argmax(test.correct)
    image = inputs.images["test"].read(np.array([position]))[0]
    name = inputs.class_names[test.true[position]]
    of = f"test image no. {test.indices[position]}, class {name}"
    return plot_feature_maps(classifier, layer, image, of, inputs.subject)
