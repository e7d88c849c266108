"""How good a classifier is, in numbers; scikit-learn and SciPy compute them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.stats import binomtest
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

# Guo, Pleiss, Sun, Weinberger, "On Calibration of Modern Neural Networks" (2017), section 3.
CALIBRATION_BINS = 15


@dataclass(frozen=True)
class Predictions:
    """What a classifier says about the un-augmented images of one split, at least one.

    Args:
        indices: `(n,)` int64, the positions in the source's own split.
        true: `(n,)` int64, the true classes.
        probabilities: `(n, classes)` float32. NaN where the network diverged.
        loss: The mean loss over the split; may be NaN or infinite.
    """

    indices: np.ndarray
    true: np.ndarray
    probabilities: np.ndarray
    loss: float

    def __len__(self) -> int:
        return len(self.true)

    @cached_property
    def predicted(self) -> np.ndarray:
        """`(n,)` int64, the most probable class of each image."""
        return np.asarray(self.probabilities.argmax(axis=1), np.int64)

    @cached_property
    def confidence(self) -> np.ndarray:
        """`(n,)` float32 in [0, 1], the probability of the predicted class."""
        return np.asarray(self.probabilities.max(axis=1))

    @cached_property
    def correct(self) -> np.ndarray:
        """`(n,)` bool."""
        return np.asarray(self.predicted == self.true)

    @cached_property
    def confusion_matrix(self) -> np.ndarray:
        """`(classes, classes)` int64: rows are true classes, columns predicted ones."""
        classes = np.arange(self.probabilities.shape[1])
        return np.asarray(confusion_matrix(self.true, self.predicted, labels=classes))


def score_predictions(predictions: Predictions, class_names: Sequence[str]) -> dict[str, Any]:
    """Score one split, as `metrics.json` holds it.

    A ratio whose denominator is zero counts as 0, which is scikit-learn's
    default too: precision of a class never predicted, recall of a class
    without images, specificity where every image is of the class.

    Args:
        predictions: The predictions for the split.
        class_names: The name of each class, in the order of the probabilities.

    Returns:
        `loss`, `accuracy`, `accuracy_interval` (Wilson, 95 %),
        `expected_calibration_error`, `confusion_matrix` and `per_class`. A value
        that is not a finite number is `None`, so that strict JSON can hold it.
    """
    hits, count = int(predictions.correct.sum()), len(predictions)
    return {
        "loss": _finite(predictions.loss),
        "accuracy": hits / count,
        "accuracy_interval": list(wilson_interval(hits, count)),
        "expected_calibration_error": _finite(expected_calibration_error(predictions)),
        "confusion_matrix": predictions.confusion_matrix.tolist(),
        "per_class": _score_classes(predictions, class_names),
    }


def _score_classes(
    predictions: Predictions, class_names: Sequence[str]
) -> dict[str, dict[str, float | int]]:
    matrix = predictions.confusion_matrix
    precision, recall, f1, support = precision_recall_fscore_support(
        predictions.true,
        predictions.predicted,
        labels=np.arange(len(class_names)),
        zero_division=0.0,
    )
    negatives = matrix.sum() - matrix.sum(axis=1)
    false_positives = matrix.sum(axis=0) - matrix.diagonal()
    specificity = (negatives - false_positives) / np.maximum(negatives, 1)
    return {
        name: {
            "precision": float(precision[i]),
            "recall": float(recall[i]),
            "specificity": float(specificity[i]),
            "f1": float(f1[i]),
            "support": int(support[i]),
        }
        for i, name in enumerate(class_names)
    }


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def wilson_interval(hits: int, count: int, level: float = 0.95) -> tuple[float, float]:
    """Return Wilson's score interval of a share (Wilson, 1927).

    Args:
        hits: How many of the `count` were right.
        count: At least 1.
        level: The confidence level, in (0, 1).

    Returns:
        The lower and the upper end, in [0, 1].
    """
    interval = binomtest(hits, count).proportion_ci(level, method="wilson")
    return float(interval.low), float(interval.high)


@dataclass(frozen=True)
class Calibration:
    """Confidence against accuracy, in equal bins of confidence.

    Args:
        edges: `(bins + 1,)` float64, from 0 to 1.
        counts: `(bins,)` int64, the images in each bin `(edges[i], edges[i + 1]]`.
        confidence: `(bins,)` float64, the mean confidence; NaN in an empty bin.
        accuracy: `(bins,)` float64, the share of right answers; NaN in an empty bin.
    """

    edges: np.ndarray
    counts: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray

    @property
    def expected_error(self) -> float:
        """The expected calibration error; NaN where no confidence is a number."""
        if not self.counts.any():
            return float("nan")
        gaps = np.nan_to_num(np.abs(self.accuracy - self.confidence))
        return float(np.average(gaps, weights=self.counts))


def calibrate(predictions: Predictions, bins: int = CALIBRATION_BINS) -> Calibration:
    """Bin the predictions by confidence; those whose confidence is NaN are left out."""
    valid = np.isfinite(predictions.confidence)
    confidence = predictions.confidence[valid].astype(np.float64)
    edges = np.linspace(0.0, 1.0, bins + 1)
    places = np.clip(np.digitize(confidence, edges, right=True) - 1, 0, bins - 1)
    counts = np.bincount(places, minlength=bins)
    divisors = np.where(counts == 0, np.nan, counts)
    return Calibration(
        edges=edges,
        counts=counts,
        confidence=np.bincount(places, confidence, bins) / divisors,
        accuracy=np.bincount(places, predictions.correct[valid], bins) / divisors,
    )


def expected_calibration_error(predictions: Predictions) -> float:
    """Return the mean gap between confidence and accuracy, in [0, 1] (Guo et al., 2017)."""
    return calibrate(predictions).expected_error
