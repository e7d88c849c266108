"""Calibration: confidence against accuracy, before and after a temperature."""

from dataclasses import dataclass

import numpy as np

from framework.evaluation.metrics.predictions import Predictions

# Guo, Pleiss, Sun, Weinberger, "On CalibrationCurve of Modern Neural Networks" (2017), section 3.
CALIBRATION_BINS = 15
TINY = np.finfo(np.float32).tiny


@dataclass(frozen=True)
class CalibrationCurve:
    """Confidence against accuracy, in equal bins of confidence.

    Args:
        edges: `(bins + 1,)` float64, from 0 to 1.
        counts: `(bins,)` int64, the images in each bin `(edges[i], edges[i + 1]]`.
        confidence: `(bins,)` float64, the mean confidence; NaN in an empty bin.
        accuracy: `(bins,)` float64, the share of correct predictions; NaN in an empty bin.
    """

    edges: np.ndarray
    counts: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray

    @property
    def expected_error(self) -> float:
        """The expected calibration error: the mean gap between confidence and accuracy.

        In [0, 1] (Guo et al., 2017); NaN where every confidence is NaN.
        """
        if not self.counts.any():
            return float("nan")
        gaps = np.nan_to_num(np.abs(self.accuracy - self.confidence))
        return float(np.average(gaps, weights=self.counts))


def compute_calibration_curve(
    predictions: Predictions, bins: int = CALIBRATION_BINS
) -> CalibrationCurve:
    """Bin the predictions by confidence; those whose confidence is NaN are left out."""
    valid = np.isfinite(predictions.confidence)
    confidence = predictions.confidence[valid].astype(np.float64)
    edges = np.linspace(0.0, 1.0, bins + 1)
    numbers = np.clip(np.digitize(confidence, edges, right=True) - 1, 0, bins - 1)
    counts = np.bincount(numbers, minlength=bins)
    divisors = np.where(counts == 0, np.nan, counts)
    return CalibrationCurve(
        edges=edges,
        counts=counts,
        confidence=np.bincount(numbers, confidence, bins) / divisors,
        accuracy=np.bincount(numbers, predictions.correct[valid], bins) / divisors,
    )


def undo_temperature(predictions: Predictions, temperature: float) -> np.ndarray:
    """Return the probabilities `(n, classes)` float32 before logits were divided by a number."""
    from scipy.special import softmax

    logits = np.log(np.maximum(predictions.probabilities, TINY).astype(np.float64)) * temperature
    return np.asarray(softmax(logits, axis=1), np.float32)
