"""Classification metrics of one split, computed by scikit-learn and SciPy."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from framework.evaluation.metrics.calibration import compute_calibration_curve
from framework.evaluation.metrics.predictions import Predictions


def compute_split_metrics(
    predictions: Mapping[str, Predictions], class_names: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Compute the metrics of several splits by `compute_metrics`."""
    return {name: compute_metrics(each, class_names) for name, each in predictions.items()}


def compute_metrics(predictions: Predictions, class_names: Sequence[str]) -> dict[str, Any]:
    """Compute the metrics of one split, as `metrics.json` holds them.

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
    correct, count = int(predictions.correct.sum()), len(predictions)
    return {
        "loss": _to_finite(predictions.loss),
        "accuracy": correct / count,
        "accuracy_interval": list(wilson_interval(correct, count)),
        "expected_calibration_error": _to_finite(
            compute_calibration_curve(predictions).expected_error
        ),
        "confusion_matrix": predictions.confusion_matrix.tolist(),
        "per_class": _compute_per_class(predictions, class_names),
    }


def _compute_per_class(
    predictions: Predictions, class_names: Sequence[str]
) -> dict[str, dict[str, float | int]]:
    # Here and below within functions, since both take a second to import, which a run leaves to
    # a worker process.
    from sklearn.metrics import precision_recall_fscore_support

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
    measures = {"precision": precision, "recall": recall, "specificity": specificity, "f1": f1}
    return {
        name: {
            **{measure: float(values[i]) for measure, values in measures.items()},
            "support": int(support[i]),
        }
        for i, name in enumerate(class_names)
    }


def _to_finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def wilson_interval(hits: int, count: int, level: float = 0.95) -> tuple[float, float]:
    """Return Wilson's score interval of a proportion (Wilson, 1927).

    Args:
        hits: How many of the `count` are correct.
        count: At least 1.
        level: The confidence level, in (0, 1).

    Returns:
        The lower and the upper end, in [0, 1].
    """
    from scipy.stats import binomtest

    interval = binomtest(hits, count).proportion_ci(level, method="wilson")
    return float(interval.low), float(interval.high)
