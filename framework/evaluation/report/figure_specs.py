"""Which figures a run produces, and where its report shows them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import keras
import numpy as np

from framework.config import Config
from framework.data.images import Images
from framework.evaluation.figure_data.data_overview import collect_overview
from framework.evaluation.figure_data.embeddings import embed_test_images
from framework.evaluation.figure_data.grad_cam import explain_predictions
from framework.evaluation.figure_data.layer_maps import compute_feature_maps, get_filters
from framework.evaluation.figure_data.predicted_images import PredictedImages
from framework.evaluation.metrics.confusions import MAX_CLASSES_WITH_NUMBERS
from framework.evaluation.metrics.training_summary import HistoryRow, summarize_training
from framework.evaluation.report.drawing import Drawing
from framework.evaluation.report.report_inputs import SPLITS, ReportInputs

Section = Literal["result", "errors", "curves", "data", "inside"]


@dataclass(frozen=True)
class FigureSpec:
    """A figure of a run that is yet to be drawn.

    Args:
        name: The name of its file.
        prepare: Computes what it is drawn from.
        section: Where the report shows it; `None` for a file alone.
        photo: Whether it shows images, which keep their colors on a dark page.
        folded: Whether the report shows it on demand only.
        optional: Whether a run continues without it when it fails.
    """

    name: str
    prepare: Callable[[], Drawing]
    section: Section | None
    photo: bool = False
    folded: bool = False
    optional: bool = False


def list_figures(inputs: ReportInputs) -> list[FigureSpec]:
    """List the figures of a run in the order of its report."""
    images, config = inputs.images["test"], inputs.config
    test = PredictedImages(
        inputs.predictions["test"],
        images,
        inputs.class_names,
        inputs.subject,
        config.training_config.seed,
        dict(enumerate(images.file_names)),
    )
    shown = test.sample()
    specs = [*_list_matrices(inputs), *_list_errors(inputs, shown)]
    if inputs.is_evaluation:
        return specs
    return [
        *specs,
        *list_curves(inputs.history, config, inputs.metrics.get("model_epoch"), inputs.subject),
        make_data_figure(inputs.images, inputs.class_names, inputs.subject, config),
        *_list_inside(inputs, test, shown),
    ]


def make_data_figure(
    images: Mapping[str, Images], class_names: Sequence[str], subject: str, config: Config
) -> FigureSpec:
    """Return the figure of the data, which can be drawn before anything is trained."""
    splits = {split: images[split] for split in SPLITS}
    augmented = bool(config.data_config.data_augmentation)

    def prepare() -> Drawing:
        overview = collect_overview(splits, class_names, augmented)
        return Drawing("dataset_overview.plot_dataset", (overview, subject))

    return FigureSpec("dataset.png", prepare, "data", photo=True)


def _draw(function: str, *arguments: Any) -> Callable[[], Drawing]:
    return partial(Drawing, function, arguments)


def _list_matrices(inputs: ReportInputs) -> Iterator[FigureSpec]:
    plot = partial(_draw, "confusion_matrix.plot_confusion_matrix")
    for split in reversed(SPLITS):
        if split not in inputs.predictions:
            continue
        matrix = inputs.predictions[split].confusion_matrix
        prepare = plot(matrix, inputs.class_names, split, inputs.subject)
        is_test = split == "test"
        section: Section = "result" if is_test else "errors"
        # The page has a table of those of the test images, if they are not too many.
        folded = not is_test or len(matrix) <= MAX_CLASSES_WITH_NUMBERS
        yield FigureSpec(f"confusion_matrix_{split}.png", prepare, section, folded=folded)
    if folds := inputs.metrics.get("folds"):
        matrix = np.array(folds["out_of_fold"]["confusion_matrix"])
        prepare = plot(matrix, inputs.class_names, "training, out of fold", inputs.subject)
        yield FigureSpec("confusion_matrix_folds.png", prepare, "errors", folded=True)


def _list_errors(inputs: ReportInputs, test: PredictedImages) -> Iterator[FigureSpec]:
    for name, function in (
        ("misclassified.png", "sample_images.plot_mistakes"),
        ("sample_predictions.png", "sample_images.plot_samples"),
    ):
        yield FigureSpec(name, _draw(function, test), "errors", photo=True)
    predictions, names, subject = test.predictions, test.class_names, test.subject
    per_class = inputs.metrics["test"]["per_class"]
    temperature = inputs.metrics.get("calibration", {}).get("temperature")
    threshold = inputs.threshold
    for name, prepare in (
        ("class_scores.png", _draw("per_class_metrics.plot_per_class_metrics", per_class, subject)),
        (
            "reliability.png",
            _draw("reliability_diagram.plot_reliability", predictions, subject, temperature),
        ),
        (
            "risk_coverage.png",
            _draw("risk_coverage.plot_risk_coverage", predictions, threshold, subject),
        ),
        (
            "one_vs_rest.png",
            _draw("roc_pr_curves.plot_roc_pr_curves", predictions, names, subject),
        ),
    ):
        yield FigureSpec(name, prepare, "errors", optional=True)


def list_curves(
    history: Sequence[HistoryRow], config: Config, model_epoch: int | None, subject: str
) -> Iterator[FigureSpec]:
    """Yield the learning curves, which can be drawn before anything is evaluated.

    Args:
        history: One row for each epoch.
        config: How it was trained.
        model_epoch: The epoch that the weights are of.
        subject: What was trained on what.
    """
    summary = summarize_training(history, config.training_config)
    summary = replace(summary, model=model_epoch)
    for metric in ("loss", "accuracy"):
        for prefix, splits in (
            ("", ("training", "validation")),
            ("training_", ("training",)),
            ("validation_", ("validation",)),
        ):
            plot = "learning_curves.plot_curves"
            prepare = _draw(plot, history, metric, splits, summary, subject)
            yield FigureSpec(f"{prefix}{metric}.png", prepare, None if prefix else "curves")


def _list_inside(
    inputs: ReportInputs, test: PredictedImages, shown: PredictedImages
) -> Iterator[FigureSpec]:
    """Yield the figures of the classifier's layers, which compute something with it.

    Args:
        inputs: Of the report.
        test: The test images, with the pixels of all.
        shown: The same, with few pixels.
    """
    options, classifier = inputs.config.report_config, inputs.classifier
    make_spec = partial(FigureSpec, section="inside", optional=True)

    def explain() -> Drawing:
        maps = explain_predictions(classifier, test)
        return Drawing("grad_cam.plot_grad_cam", (maps, shown))

    def show_filters(layer: str) -> Drawing:
        filters = get_filters(classifier, layer)
        return Drawing("activations.plot_filters", (filters, layer, inputs.subject))

    def embed() -> Drawing:
        embedded = embed_test_images(classifier, test)
        return Drawing("embedding.plot_embedding", (embedded, shown))

    if options.grad_cam:
        yield make_spec("grad_cam.png", explain, photo=True)
    for layer in options.feature_maps:
        prepare = partial(_show_maps_of_sample, classifier, layer, test)
        yield make_spec(f"feature_maps_{layer}.png", prepare, photo=True)
    for layer in options.filters:
        yield make_spec(f"filters_{layer}.png", partial(show_filters, layer), photo=True)
    if options.embedding:
        yield make_spec("embedding.png", embed)


def _show_maps_of_sample(classifier: keras.Model, layer: str, test: PredictedImages) -> Drawing:
    """Show the maps of the first test image that is classified right, or else of the first."""
    predictions = test.predictions
    position = np.argmax(predictions.correct)
    image = test.images.read(np.array([position]))[0]
    name = test.class_names[predictions.true[position]]
    of = f"test image no. {predictions.indices[position]}, class {name}"
    maps = compute_feature_maps(classifier, layer, image)
    return Drawing("activations.plot_feature_maps", (maps, layer, image, of, test.subject))
