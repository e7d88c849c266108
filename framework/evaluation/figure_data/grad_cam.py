"""Grad-CAM: where the network looked (Selvaraju et al., 2017, arXiv:1610.02391)."""

import keras
import numpy as np
import tensorflow as tf

from framework.errors import RunError
from framework.evaluation.figure_data.predicted_images import HeatMaps, PredictedImages

MAX_IMAGES = 12  # half of them right and half wrong
_MIN_MAP_SIDE = 4  # coarser maps say nothing about where
_CONVOLUTIONS = (
    keras.layers.Conv2D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv2D,
    keras.layers.Conv2DTranspose,
)


def explain_predictions(classifier: keras.Model, test: PredictedImages) -> HeatMaps:
    """Compute what spoke for the predicted class, for wrong and right predictions.

    Args:
        classifier: A flat functional model over images.
        test: The test images, with the pixels of all.

    Raises:
        RunError: The model has no convolution.
    """
    wrong = test.rank_mistakes()[: MAX_IMAGES // 2]
    right = _pick_evenly(np.flatnonzero(test.predictions.correct), MAX_IMAGES - len(wrong))
    shown = np.concatenate([wrong, right])
    pixels = test.images.read(shown)
    layer = find_last_convolution(classifier)
    heat = compute_heat_maps(classifier, layer, pixels, test.predictions.predicted[shown])
    return HeatMaps(layer.name, len(wrong), shown, pixels, heat)


def find_last_convolution(classifier: keras.Model) -> keras.layers.Layer:
    """Find the deepest convolution whose map still has spatial resolution.

    Args:
        classifier: A flat functional model over images.

    Returns:
        The last convolution with a map of at least 4x4, or else the last one.

    Raises:
        RunError: The model has no convolution.
    """
    found = [layer for layer in classifier.layers if isinstance(layer, _CONVOLUTIONS)]
    if not found:
        raise RunError("Grad-CAM needs a convolution, and this classifier has none.")
    large = [layer for layer in found if min(layer.output.shape[1:3]) >= _MIN_MAP_SIDE]
    return (large or found)[-1]


def compute_heat_maps(
    classifier: keras.Model, layer: keras.layers.Layer, images: np.ndarray, classes: np.ndarray
) -> np.ndarray:
    """Compute how much each position of a convolution's map speaks for a class.

    Args:
        classifier: A flat functional model; its last layer may be a softmax.
        layer: One of its convolutions.
        images: `(n, rows, columns, channels)` float32 in [0, 255].
        classes: `(n,)` int64, the class to explain for each image.

    Returns:
        `(n, map rows, map columns)` float32 in [0, 1]; all 0 where no position
        speaks for the class.

    Raises:
        RunError: The output does not depend on `layer`.
    """
    model = keras.Model(classifier.inputs[0], [layer.output, _find_logits(classifier)])
    with tf.GradientTape() as tape:
        inputs = tf.convert_to_tensor(images)
        # Frozen layers have no trainable variables, which alone would be watched.
        tape.watch(inputs)
        maps, logits = model(inputs, training=False)
        chosen = tf.gather(logits, classes, axis=1, batch_dims=1)
    gradients = tape.gradient(chosen, maps)
    if gradients is None:
        raise RunError(f"Grad-CAM: the output does not depend on layer {layer.name!r}.")
    weights = tf.reduce_mean(gradients, axis=(1, 2), keepdims=True)
    heat = tf.nn.relu(tf.reduce_sum(weights * maps, axis=-1)).numpy()
    peak = heat.max(axis=(1, 2), keepdims=True)
    scaled: np.ndarray = np.nan_to_num(heat / np.where(peak > 0, peak, 1.0))
    return scaled


def _find_logits(classifier: keras.Model) -> keras.KerasTensor:
    """Return the logits before a softmax; after it, a confident answer has no gradient left."""
    last = classifier.layers[-1]
    if isinstance(last, keras.layers.Softmax):
        return last.input
    if getattr(last, "activation", None) is not keras.activations.softmax:
        return classifier.outputs[0]
    if isinstance(last, keras.layers.Activation):
        return last.input
    linear = type(last).from_config({**last.get_config(), "activation": "linear"})
    logits = linear(last.input)
    linear.set_weights(last.get_weights())
    return logits


def _pick_evenly(positions: np.ndarray, count: int) -> np.ndarray:
    """Pick evenly spaced positions, because images often are in the order of their classes."""
    if len(positions) <= count:
        return positions
    return positions[np.linspace(0, len(positions) - 1, count).astype(np.int64)]
