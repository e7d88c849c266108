from dataclasses import replace

import numpy as np
import pytest

from framework.evaluation.figures.reliability_diagram import plot_reliability
from framework.evaluation.metrics.calibration import compute_calibration_curve
from tests.helpers.fake_results import SUBJECT, make_predictions
from tests.helpers.figure_asserts import find_cut_off


@pytest.fixture(scope="module")
def predictions():
    return make_predictions(np.arange(600) % 10, accuracy=0.8)


def test_the_reliability_diagram_shows_the_bins_and_the_error(predictions):
    figure = plot_reliability(predictions, SUBJECT)
    curve = compute_calibration_curve(predictions)
    heights = [bar.get_height() for bar in figure.axes[0].patches]
    assert heights == curve.accuracy[curve.counts > 0].tolist()
    counts = [bar.get_height() for bar in figure.axes[1].patches]
    assert counts == curve.counts.tolist()
    assert f"error {curve.expected_error:.2%}" in figure.texts[1].get_text()
    assert find_cut_off(figure) == []


def test_a_diverged_network_is_said(predictions):
    lost = replace(predictions, probabilities=np.full((600, 10), np.nan, np.float32))
    figure = plot_reliability(lost, SUBJECT)
    assert "not numbers" in figure.axes[0].texts[0].get_text()
