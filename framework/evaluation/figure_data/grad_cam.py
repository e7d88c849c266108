"""Grad-CAM: where the network looked (Selvaraju et al., 2017, arXiv:1610.02391)."""

import math

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
        RunError: The model has no convolution, and no attention.
    """
    wrong = test.rank_mistakes()[: MAX_IMAGES // 2]
    right = _pick_evenly(np.flatnonzero(test.predictions.correct), MAX_IMAGES - len(wrong))
    shown = np.concatenate([wrong, right])
    pixels = test.images.read(shown)
    maps = find_last_maps(classifier)
    heat = compute_heat_maps(classifier, maps, pixels, test.predictions.predicted[shown])
    return HeatMaps(maps._keras_history.operation.name, len(wrong), shown, pixels, heat)


def find_last_maps(classifier: keras.Model) -> keras.KerasTensor:
    """Find the deepest maps that still have spatial resolution: of a convolution, or tokens.

    Of a transformer these are the tokens that its last attention reads: what a class token, or
    the mean of all, takes from the tokens after it says nothing about where.

    Args:
        classifier: A flat functional model over images.

    Returns:
        The last maps of at least 4x4, or else the last ones.

    Raises:
        RunError: The model has no convolution, and no attention.
    """
    found = [maps for layer in classifier.layers if (maps := _find_maps(layer)) is not None]
    if not found:
        raise RunError(
            "Grad-CAM needs a convolution or attention, and this classifier has neither."
        )
    large = [maps for maps in found if _find_side(maps) >= _MIN_MAP_SIDE]
    return (large or found)[-1]


def _find_maps(layer: keras.layers.Layer) -> keras.KerasTensor | None:
    """Return the maps that a convolution gives, or the tokens that an attention reads."""
    inner = list(layer._flatten_layers())
    if any(isinstance(each, _CONVOLUTIONS) for each in inner) and _is_readable(layer.output, (4,)):
        return layer.output
    if any("Attention" in type(each).__name__ for each in inner):
        tokens = keras.tree.flatten(layer.input)[0]
        return tokens if _is_readable(tokens, (3, 4)) else None
    return None


def _is_readable(maps: object, ranks: tuple[int, ...]) -> bool:
    """Return whether something is one tensor of a known shape of some rank."""
    return (
        isinstance(maps, keras.KerasTensor)
        and len(maps.shape) in ranks
        and None not in maps.shape[1:]
    )


def _find_side(maps: keras.KerasTensor) -> int:
    """Return the rows or columns of maps, whichever are fewer."""
    return math.isqrt(maps.shape[1]) if len(maps.shape) == 3 else min(maps.shape[1:3])


def compute_heat_maps(
    classifier: keras.Model, maps: keras.KerasTensor, images: np.ndarray, classes: np.ndarray
) -> np.ndarray:
    """Compute how much each position of maps speaks for a class.

    Args:
        classifier: A flat functional model; its last layer may be a softmax.
        maps: The output of one of its convolutions, or the tokens of square images; those before
            the square are left out.
        images: `(n, rows, columns, channels)` float32 in [0, 255].
        classes: `(n,)` int64, the class to explain for each image.

    Returns:
        `(n, map rows, map columns)` float32 in [0, 1]; all 0 where no position
        speaks for the class.

    Raises:
        RunError: The output does not depend on `maps`.
    """
    model = keras.Model(classifier.inputs[0], [maps, _find_logits(classifier)])
    with tf.GradientTape() as tape:
        inputs = tf.convert_to_tensor(images)
        # Frozen layers have no trainable variables, which alone would be watched.
        tape.watch(inputs)
        values, logits = model(inputs, training=False)
        chosen = tf.gather(logits, classes, axis=1, batch_dims=1)
    gradients = tape.gradient(chosen, values)
    if gradients is None:
        name = maps._keras_history.operation.name
        raise RunError(f"Grad-CAM: the output does not depend on layer {name!r}.")
    if len(values.shape) == 3:
        side = _find_side(maps)
        square = (-1, side, side, values.shape[-1])
        values, gradients = (
            tf.reshape(each[:, -(side**2) :], square) for each in (values, gradients)
        )
    weights = tf.reduce_mean(gradients, axis=(1, 2), keepdims=True)
    heat = tf.nn.relu(tf.reduce_sum(weights * values, axis=-1)).numpy()
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
