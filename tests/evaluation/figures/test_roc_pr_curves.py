from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from framework.evaluation.figures.roc_pr_curves import plot_roc_pr_curves
from tests.helpers.fake_results import DIGITS, SUBJECT, make_predictions
from tests.helpers.figure_asserts import find_cut_off

LONG = [f"a rather long class name, number {index}" for index in range(100)]


@pytest.fixture(scope="module")
def predictions():
    return make_predictions(np.arange(600) % 10, accuracy=0.8)


def test_the_curves_are_scikit_learns(predictions):
    figure = plot_roc_pr_curves(predictions, DIGITS, SUBJECT)
    one_hot = np.eye(10)[predictions.true]
    area = roc_auc_score(one_hot, predictions.probabilities, average="macro")
    precision = average_precision_score(one_hot, predictions.probabilities, average="macro")
    assert figure.axes[0].get_title(loc="left") == f"ROC · mean area {area:.4f}"
    assert figure.axes[1].get_title(loc="left").endswith(f"mean AP {precision:.4f}")
    assert len(figure.legends[0].get_texts()) == 10
    assert find_cut_off(figure) == []


def test_good_curves_are_seen_from_near(predictions):
    whole = plot_roc_pr_curves(predictions, DIGITS, SUBJECT)
    assert whole.axes[0].get_xlim()[1] > 0.45
    good = make_predictions(np.arange(600) % 10, accuracy=0.995)
    figure = plot_roc_pr_curves(good, DIGITS, SUBJECT)
    roc, precision_recall = figure.axes
    assert 0.02 <= roc.get_xlim()[1] <= 0.21
    assert roc.get_ylim()[0] >= 0.79
    assert precision_recall.get_xlim()[0] >= 0.79
    for axes in figure.axes:
        assert axes.get_title(loc="left").endswith("zoomed in on the corner")
        for line in axes.lines:
            x, y = line.get_data()
            inside = (
                (x >= axes.get_xlim()[0]) & (x <= axes.get_xlim()[1]) & (y >= axes.get_ylim()[0])
            )
            assert inside.any()
    assert find_cut_off(figure) == []


def test_of_many_classes_the_worst_stand_out():
    predictions = make_predictions(np.arange(1000) % 100, 100, 0.7)
    figure = plot_roc_pr_curves(predictions, LONG, SUBJECT)
    assert len(figure.axes[0].lines) == 100
    assert len(figure.legends[0].get_texts()) == 5
    assert find_cut_off(figure) == []


def test_a_class_without_images_has_no_curve_and_that_is_said():
    predictions = make_predictions(np.arange(90) % 9)
    figure = plot_roc_pr_curves(predictions, DIGITS, SUBJECT)
    assert len(figure.axes[0].lines) == 9
    assert "1 of 10 classes without test images" in figure.texts[1].get_text()


def test_a_diverged_network_is_said(predictions):
    lost = replace(predictions, probabilities=np.full((600, 10), np.nan, np.float32))
    figure = plot_roc_pr_curves(lost, DIGITS, SUBJECT)
    assert "not numbers" in figure.axes[0].texts[0].get_text()
