"""Calibration of scores by a temperature."""

import keras
import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

from framework.features.feature_sources import Features
from framework.training.solvers.last_layer import LastLayer


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


def calibrate_head(head: keras.Model, validation: Features) -> float:
    """Divide the logits of a head by the temperature that fits the validation images best.

    It is folded into kernel and bias of the last `Dense`; the predicted classes stay the same.

    Args:
        head: From features to probabilities; its last layer is a `Dense`, only a softmax follows.
        validation: The features that it reads.

    Returns:
        The temperature.
    """
    layer = LastLayer(head, validation)
    kernel, *bias = (weights.astype(np.float64) for weights in layer.dense.get_weights())
    logits = np.concatenate(
        [
            block.astype(np.float64) @ kernel + (bias[0] if bias else 0)
            for block, _ in layer.stream(validation, 1, "calibrating")
        ]
    )
    factor, _ = fit_temperature(logits, validation.images.labels)
    layer.dense.set_weights([weights * factor for weights in (kernel, *bias)])
    return 1 / factor
