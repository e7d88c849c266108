"""Outliers: images that are far from all others."""

import numpy as np

MAX_DEVIATIONS = 5.0
"""Robust standard deviations of the logarithm of a distance above which it is an outlier's."""


def find_outliers(distances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find images whose distance to their neighbors is unusual.

    The logarithms of distances are nearly normal; their spread is that of the half above the
    median, which images that have near-duplicates do not widen.

    Args:
        distances: `(n,)`, of each image.

    Returns:
        `(k,)` int64 positions, and `(k,)` float64 scores in [0, 1]: how much of the distance is
        more than the median.
    """
    if not len(distances) or not distances.max() > 0:
        return np.empty(0, np.int64), np.empty(0)
    logs = np.log(np.maximum(distances, distances.max() * 1e-6))
    median = np.median(logs)
    # The 75th percentile of a normal distribution is at 0.6745 standard deviations.
    deviation = max((np.quantile(logs, 0.75) - median) / 0.6745, 1e-6)
    positions = np.flatnonzero(logs > median + MAX_DEVIATIONS * deviation)
    scores = 1 - np.exp(median - logs[positions])
    return positions, scores
