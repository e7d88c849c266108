"""Selective classification: how often a classifier errs where it answers."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from framework.evaluation.metrics.classification_metrics import wilson_interval


@dataclass(frozen=True)
class RiskCoverageCurve:
    """The error rate among the images that are answered, from the surest to all.

    Source: El-Yaniv and Wiener, "On the Foundations of Noise-free Selective Classification" (2010).

    Args:
        coverage: `(n,)` float64, the share of images that are answered, in ascending order.
        risk: `(n,)` float64, the share of them that are wrong.
    """

    coverage: np.ndarray
    risk: np.ndarray

    @property
    def area(self) -> float:
        """The area under the curve, in [0, 1]; the smaller the better."""
        return float(self.risk.mean())


def compute_risk_coverage(correct: np.ndarray, doubt: np.ndarray) -> RiskCoverageCurve:
    """Order images by doubt, and compute the risk of answering the first ones.

    Args:
        correct: `(n,)` bool.
        doubt: `(n,)` float, such as the novelty, or the negative confidence.
    """
    order = np.argsort(doubt, kind="stable")
    answered = np.arange(1, len(correct) + 1)
    wrong = np.cumsum(~correct[order])
    return RiskCoverageCurve(answered / len(correct), wrong / answered)


def summarize_unknown(correct: np.ndarray, novelty: np.ndarray, threshold: float) -> dict[str, Any]:
    """Count the images that are unknown, as `metrics.json` holds it.

    Args:
        correct: `(n,)` bool, whether the most probable class is the true one.
        novelty: `(n,)` float32, the distance of each image to the training images.
        threshold: The novelty above which an image is unknown; infinite if none is.

    Returns:
        `images`, how many are unknown; `threshold`, `None` if it is infinite; `coverage`, the share
        that is answered; and `accuracy` and its interval among those.
    """
    known = novelty <= threshold
    answered, right = int(known.sum()), int(correct[known].sum())
    return {
        "images": len(correct) - answered,
        "threshold": threshold if np.isfinite(threshold) else None,
        "coverage": answered / len(correct),
        "accuracy": right / answered if answered else None,
        "accuracy_interval": list(wilson_interval(right, answered)) if answered else None,
    }
