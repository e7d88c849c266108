"""Label errors: labels that an image's probabilities speak against."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from framework.utils.optional_dependencies import require_packages

MIN_ODDS = 10.0
"""How many times as probable as its label another class must be. See docs/check_data.md."""

Method = Literal["odds", "confident_learning"]


@dataclass(frozen=True)
class LabelErrors:
    """Images whose labels may be wrong.

    Args:
        positions: `(k,)` int64.
        suggested: `(k,)` int64, the most probable class of each.
        scores: `(k,)` float64 in [0, 1]: what the most probable class has of its probability
            and that of the label together.
    """

    positions: np.ndarray
    suggested: np.ndarray
    scores: np.ndarray


def find_label_errors(
    labels: np.ndarray, probabilities: np.ndarray, method: Method = "odds"
) -> LabelErrors:
    """Find labels that are probably wrong.

    Args:
        labels: `(n,)` int64, as they are given.
        probabilities: `(n, classes)`, of a calibrated classifier that did not see the images.
        method: `"odds"`: another class is at least `MIN_ODDS` times as probable.
            `"confident_learning"`: as cleanlab estimates it from the noise of each pair of classes
            (Northcutt, Jiang and Chuang, "Confident Learning", 2021).

    Raises:
        RunError: cleanlab is not installed.
    """
    suggested = probabilities.argmax(axis=1)
    rows = np.arange(len(labels))
    given, best = probabilities[rows, labels], probabilities[rows, suggested]
    if method == "odds":
        wrong = (suggested != labels) & (best >= MIN_ODDS * given)
    else:
        require_packages("--labels confident_learning", {"cleanlab": "cleanlab"}, "data")
        from cleanlab.filter import find_label_issues

        wrong = find_label_issues(labels, probabilities, filter_by="low_self_confidence", n_jobs=1)
        wrong &= suggested != labels
    positions = np.flatnonzero(wrong)
    scores = best[positions] / np.maximum(best[positions] + given[positions], 1e-12)
    return LabelErrors(positions, suggested[positions], scores)
