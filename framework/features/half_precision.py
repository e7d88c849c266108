"""Frozen layers in half precision: the same network, computed and stored in 16 bits."""

import logging

import keras
import numpy as np
import tensorflow as tf

from framework.features.extractor import SAMPLE_IMAGES, Extractor, make_noise
from framework.utils.environment import has_bfloat16_instructions

logger = logging.getLogger(__name__)

# What scales pixels stays in float32: 8 significant bits would round them before the mean is
# taken off.
_SCALING = (keras.layers.Rescaling, keras.layers.Normalization)

# Statistics stay in float32, and Keras computes with them in float32.
_NORMALIZATION = (
    keras.layers.BatchNormalization,
    keras.layers.GroupNormalization,
    keras.layers.LayerNormalization,
)

LARGEST_DEVIATION = 0.1
"""Of features in half precision; bfloat16 was measured to deviate by 0.02 at most."""


def convert_model(model: keras.Model, precision: str) -> keras.Model:
    """Return a model that computes in another precision, with weights of its own.

    Weights are converted once, not in every step as by a mixed policy, which is a third slower on
    CPUs; the results are the same.

    Args:
        model: A flat functional model over images in float32.
        precision: `"float32"`, `"bfloat16"` or `"float16"`.

    Returns:
        A model with outputs of that dtype; `model` itself where it computes so already.
    """
    if all(tensor.dtype == precision for tensor in model.outputs):
        return model

    def convert(layer: keras.Operation) -> keras.Operation:
        policy = precision
        if not isinstance(layer, keras.Layer):  # It computes in the dtype of what it is given.
            return type(layer).from_config(layer.get_config())
        if precision != "float32" and isinstance(layer, _SCALING):
            policy = "float32"
        elif precision != "float32" and isinstance(layer, _NORMALIZATION):
            policy = f"mixed_{precision}"
        return type(layer).from_config({**layer.get_config(), "dtype": policy})

    converted = keras.models.clone_model(model, clone_function=convert)
    converted.set_weights(model.get_weights())
    return keras.Model(converted.inputs[0], converted.outputs, name=model.name)


def compare_precisions(model: keras.Model, extractor: Extractor) -> None:
    """Warn where half precision is slower, or too coarse, by measuring both.

    Nothing is measured of bfloat16, which has the range of float32, on processors that are known
    to multiply it faster.

    Args:
        model: The frozen part as the classifier has it.
        extractor: Computes it in the precision that the config asks for.
    """
    precision = extractor.precision
    has_gpu = bool(tf.config.list_physical_devices("GPU"))
    is_fast = precision == "bfloat16" and not has_gpu and has_bfloat16_instructions()
    if precision == "float32" or is_fast:
        return
    full = Extractor(convert_model(model, "float32"))
    change = "To change it: training_config.feature_cache.precision: "
    rates = [each.measure_rate() for each in (extractor, full)]
    if rates[0] < rates[1]:
        logger.warning(
            f"! %s is slower than float32 here: %.0f images/s against %.0f. {change}float32",
            precision,
            *rates,
        )
    deviation = _compare_features(extractor, full)
    if not deviation < LARGEST_DEVIATION:
        logger.warning(
            "! %s changes the features by %.0f %% (root mean square, on noise): this network "
            f"leaves its range. {change}bfloat16 or float32",
            precision,
            100 * deviation,
        )


def _compare_features(extractor: Extractor, full: Extractor) -> float:
    """Return how far features are from those in float32, relative to these; the largest of all."""
    sample = make_noise((SAMPLE_IMAGES, *extractor.image_shape))
    deviations = []
    for half, exact in zip(extractor.compute(sample), full.compute(sample), strict=True):
        difference = np.linalg.norm(half.astype(np.float32) - exact)
        deviations.append(float(difference / np.linalg.norm(exact)))
    return max(deviations)
