from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from framework.evaluation.figures.per_class_metrics import (
    plot_one_vs_rest,
    plot_per_class_metrics,
    plot_reliability,
)
from framework.evaluation.metrics.calibration import compute_calibration_curve
from framework.evaluation.metrics.classification_metrics import compute_metrics
from tests.helpers.fake_results import DIGITS, SUBJECT, make_predictions
from tests.helpers.figure_asserts import find_cut_off, find_overlaps

LONG = [f"a rather long class name, number {place}" for place in range(150)]


@pytest.fixture(scope="module")
def predictions():
    return make_predictions(np.arange(600) % 10, accuracy=0.8)


def test_the_bars_are_the_scores(predictions):
    per_class = compute_metrics(predictions, DIGITS)["per_class"]
    figure = plot_per_class_metrics(per_class, SUBJECT)
    for axes, measure in zip(
        figure.axes, ("precision", "recall", "specificity", "f1", "support"), strict=True
    ):
        bars = axes.containers[-1]
        assert [bar.get_width() for bar in bars] == [row[measure] for row in per_class.values()]
    assert find_cut_off(figure) == []


@pytest.mark.parametrize("classes", [25, 150])
def test_scores_of_many_classes_fit(classes):
    predictions = make_predictions(np.arange(600) % classes, classes, 0.7)
    per_class = compute_metrics(predictions, LONG[:classes])["per_class"]
    figure = plot_per_class_metrics(per_class, SUBJECT)
    assert find_cut_off(figure) == []
    assert find_overlaps(figure) == []
    if classes == 150:
        assert "the 120 of 150 classes with the lowest f1" in figure.texts[1].get_text()


def test_the_reliability_diagram_shows_the_bins_and_the_error(predictions):
    figure = plot_reliability(predictions, SUBJECT)
    calibration = compute_calibration_curve(predictions)
    heights = [bar.get_height() for bar in figure.axes[0].patches]
    assert heights == calibration.accuracy[calibration.counts > 0].tolist()
    counts = [bar.get_height() for bar in figure.axes[1].patches]
    assert counts == calibration.counts.tolist()
    assert f"error {calibration.expected_error:.2%}" in figure.texts[1].get_text()
    assert find_cut_off(figure) == []


def test_the_curves_are_scikit_learns(predictions):
    figure = plot_one_vs_rest(predictions, DIGITS, SUBJECT)
    one_hot = np.eye(10)[predictions.true]
    area = roc_auc_score(one_hot, predictions.probabilities, average="macro")
    precision = average_precision_score(one_hot, predictions.probabilities, average="macro")
    assert figure.axes[0].get_title(loc="left") == f"ROC · mean area {area:.4f}"
    assert figure.axes[1].get_title(loc="left").endswith(f"mean AP {precision:.4f}")
    assert len(figure.legends[0].get_texts()) == 10
    assert find_cut_off(figure) == []


def test_of_many_classes_the_worst_stand_out():
    predictions = make_predictions(np.arange(1000) % 100, 100, 0.7)
    figure = plot_one_vs_rest(predictions, LONG[:100], SUBJECT)
    assert len(figure.axes[0].lines) == 100
    assert len(figure.legends[0].get_texts()) == 5
    assert find_cut_off(figure) == []


def test_a_class_without_images_has_no_curve_and_that_is_said():
    predictions = make_predictions(np.arange(90) % 9)
    figure = plot_one_vs_rest(predictions, DIGITS, SUBJECT)
    assert len(figure.axes[0].lines) == 9
    assert "1 of 10 classes without test images" in figure.texts[1].get_text()


@pytest.mark.parametrize("plot", [plot_reliability, lambda p, s: plot_one_vs_rest(p, DIGITS, s)])
def test_a_diverged_network_is_said(plot, predictions):
    lost = replace(predictions, probabilities=np.full((600, 10), np.nan, np.float32))
    figure = plot(lost, SUBJECT)
    assert "not numbers" in figure.axes[0].texts[0].get_text()
