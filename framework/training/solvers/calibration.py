"""Calibration of a head by a temperature."""

import keras
import numpy as np

from framework.features.feature_sources import Features
from framework.training.solvers.last_layer import LastLayer
from framework.training.solvers.temperature import fit_temperature


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
