import numpy as np
import pytest

from framework.evaluation.metrics.calibration import compute_calibration_curve
from framework.evaluation.metrics.predictions import Predictions


def test_calibration_error_by_hand():
    # Two images at confidence 0.95, one right; two at 0.65, both right.
    probabilities = np.array([[0.95, 0.05], [0.95, 0.05], [0.65, 0.35], [0.65, 0.35]], np.float32)
    predictions = Predictions(np.arange(4), np.array([0, 1, 0, 0]), probabilities, 0.4)
    assert compute_calibration_curve(predictions).expected_error == pytest.approx(
        0.5 * 0.45 + 0.5 * 0.35
    )
    calibration = compute_calibration_curve(predictions, bins=10)
    assert calibration.counts.tolist() == [0, 0, 0, 0, 0, 0, 2, 0, 0, 2]
