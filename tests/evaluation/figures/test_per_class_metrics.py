import numpy as np
import pytest

from framework.evaluation.figures.per_class_metrics import plot_per_class_metrics
from framework.evaluation.metrics.classification_metrics import compute_metrics
from tests.helpers.fake_results import DIGITS, SUBJECT, make_predictions
from tests.helpers.figure_asserts import find_cut_off, find_overlaps

LONG = [f"a rather long class name, number {index}" for index in range(150)]


def test_the_bars_are_the_metrics():
    predictions = make_predictions(np.arange(600) % 10, accuracy=0.8)
    per_class = compute_metrics(predictions, DIGITS)["per_class"]
    figure = plot_per_class_metrics(per_class, SUBJECT)
    for axes, measure in zip(
        figure.axes, ("precision", "recall", "specificity", "f1", "support"), strict=True
    ):
        bars = axes.containers[-1]
        assert [bar.get_width() for bar in bars] == [row[measure] for row in per_class.values()]
    assert find_cut_off(figure) == []


@pytest.mark.parametrize("classes", [25, 150])
def test_metrics_of_many_classes_fit(classes):
    predictions = make_predictions(np.arange(600) % classes, classes, 0.7)
    per_class = compute_metrics(predictions, LONG[:classes])["per_class"]
    figure = plot_per_class_metrics(per_class, SUBJECT)
    assert find_cut_off(figure) == []
    assert find_overlaps(figure) == []
    if classes == 150:
        assert "the 120 of 150 classes with the lowest f1" in figure.texts[1].get_text()
