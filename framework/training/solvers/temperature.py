"""The temperature that calibrates scores."""

import numpy as np


def fit_temperature(scores: np.ndarray, labels: np.ndarray) -> tuple[float, np.ndarray]:
    """Fit the factor whose softmax of scores has the lowest log-loss.

    Source: Guo et al., "On Calibration of Modern Neural Networks" (2017), section 4.2. The
    factor is the inverse of the temperature there. Labels count as `1 / (n + 2)` uncertain, after
    Platt, "Probabilistic Outputs for Support Vector Machines" (1999), so that a few images that
    are all right don't make every prediction certain.

    Args:
        scores: `(n, classes)` float64.
        labels: `(n,)` int64.

    Returns:
        The factor, between 1e-3 and 1e3, and `(n,)` float64, the log-loss of each image.
    """
    # Here, since they take long to import, and few runs need them.
    from scipy.optimize import minimize_scalar
    from scipy.special import logsumexp

    count, classes = scores.shape
    doubt = 1 / (count + 2)
    targets = np.full(scores.shape, doubt / (classes - 1))
    targets[np.arange(count), labels] = 1 - doubt

    def measure(exponent: float) -> np.ndarray:
        scaled = scores * np.exp(exponent)
        losses: np.ndarray = logsumexp(scaled, axis=1) - (targets * scaled).sum(axis=1)
        return losses

    limit = np.log(1e3)
    found = minimize_scalar(lambda x: measure(x).mean(), bounds=(-limit, limit), method="bounded")
    return float(np.exp(found.x)), measure(found.x)
