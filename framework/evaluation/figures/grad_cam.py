"""Grad-CAM: where the network looked (Selvaraju et al., 2017, arXiv:1610.02391)."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import matplotlib
import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure
from PIL import Image

from framework.data.images import Images
from framework.errors import RunError
from framework.evaluation.figures.sample_images import format_confidence, rank_mistakes, show_image
from framework.evaluation.figures.style import make_figure, shorten, styled
from framework.evaluation.metrics.predictions import Predictions

PANELS = 12  # at most, half of them right and half wrong
_COLUMNS = 6
_SMALLEST_MAP = 4  # of a side; coarser maps say nothing about where
_CONVOLUTIONS = (
    keras.layers.Conv2D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv2D,
    keras.layers.Conv2DTranspose,
)


def find_last_convolution(classifier: keras.Model) -> keras.layers.Layer:
    """Find the deepest convolution whose map still has places to tell apart.

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
    fine = [layer for layer in found if min(_measure_map(layer)) >= _SMALLEST_MAP]
    return (fine or found)[-1]


def _measure_map(layer: keras.layers.Layer) -> tuple[int, int]:
    shape: tuple[int, int, int, int] = layer.output.shape
    return shape[1:3] if keras.config.image_data_format() == "channels_last" else shape[2:4]


def compute_heat_maps(
    classifier: keras.Model, layer: keras.layers.Layer, images: np.ndarray, classes: np.ndarray
) -> np.ndarray:
    """Compute how much each place of `layer` spoke for a class.

    Args:
        classifier: A flat functional model; its last layer may be a softmax.
        layer: A convolution of it.
        images: `(n, rows, columns, channels)` float32 in [0, 255].
        classes: `(n,)` int64, the class to explain for each image.

    Returns:
        `(n, map rows, map columns)` float32 in [0, 1]; all 0 where no place spoke for the class.
    """
    model = keras.Model(classifier.inputs[0], [layer.output, _find_scores(classifier)])
    with tf.GradientTape() as tape:
        inputs = tf.convert_to_tensor(images)
        # Frozen layers have no trainable variables, which alone would be watched.
        tape.watch(inputs)
        maps, scores = model(inputs, training=False)
        chosen = tf.gather(scores, classes, axis=1, batch_dims=1)
    slopes = tape.gradient(chosen, maps)
    if slopes is None:
        raise RunError(f"Grad-CAM: the answer does not depend on layer {layer.name!r}.")
    weights = tf.reduce_mean(slopes, axis=(1, 2), keepdims=True)
    heat = tf.nn.relu(tf.reduce_sum(weights * maps, axis=-1)).numpy()
    peak = heat.max(axis=(1, 2), keepdims=True)
    scaled: np.ndarray = np.nan_to_num(heat / np.where(peak > 0, peak, 1.0))
    return scaled


def _find_scores(classifier: keras.Model) -> keras.KerasTensor:
    """Return the scores before a softmax; after one, a sure answer has no slope left."""
    last = classifier.layers[-1]
    if isinstance(last, keras.layers.Softmax):
        return last.input
    if getattr(last, "activation", None) is not keras.activations.softmax:
        return classifier.outputs[0]
    if isinstance(last, keras.layers.Activation):
        return last.input
    linear = type(last).from_config({**last.get_config(), "activation": "linear"})
    scores = linear(last.input)
    linear.set_weights(last.get_weights())
    return scores


@styled
def plot_grad_cam(
    classifier: keras.Model,
    predictions: Predictions,
    images: Images,
    class_names: Sequence[str],
    subject: str,
) -> Figure:
    """Show what spoke for the predicted class, for wrong and right predictions.

    Args:
        classifier: A flat functional model over images.
        predictions: The predictions for the test images.
        images: The test images.
        class_names: In the order of the probabilities.
        subject: What was trained on what.

    Raises:
        RunError: The model has no convolution.
    """
    wrong = rank_mistakes(predictions)[: PANELS // 2]
    right = _spread(np.flatnonzero(predictions.correct), PANELS - len(wrong))
    shown = np.concatenate([wrong, right])
    pixels = images.read(shown)
    layer = find_last_convolution(classifier)
    heat = compute_heat_maps(classifier, layer, pixels, predictions.predicted[shown])
    rows = -(-len(shown) // _COLUMNS)
    figure = make_figure(
        9.6,
        2.15 * rows,
        "Grad-CAM: what spoke for the predicted class, test images",
        f"{subject} · layer {layer.name}, a map of {heat.shape[1]}x{heat.shape[2]} · "
        f"the {len(wrong)} most confident mistakes, then {len(right)} right ones",
    )
    grid = figure.subplots(rows, _COLUMNS, squeeze=False).ravel()
    for axes in grid[len(shown) :]:
        axes.set_axis_off()
    for axes, position, image, values in zip(grid, shown, pixels, heat, strict=False):
        show_image(axes, overlay_heat(image, values))
        verdict = "✓" if predictions.correct[position] else "✗"
        said = shorten(class_names[predictions.predicted[position]], 15)
        true = shorten(class_names[predictions.true[position]], 17)
        confidence = format_confidence(predictions, position)
        note = "" if values.any() else "  ·  no heat"
        axes.set_title(
            f"{verdict} said: {said}\ntrue: {true}\n{confidence}{note}",
            size=8,
            loc="left",
            linespacing=1.25,
        )
    return figure


def _spread(positions: np.ndarray, count: int) -> np.ndarray:
    """Pick evenly, because images often lie in the order of their classes."""
    if len(positions) <= count:
        return positions
    return positions[np.linspace(0, len(positions) - 1, count).astype(np.int64)]


def overlay_heat(image: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Lay a heat map over an image.

    Args:
        image: `(rows, columns, channels)` in [0, 255]; one channel or three.
        heat: `(map rows, map columns)` float32 in [0, 1].

    Returns:
        `(rows, columns, 3)` float32 in [0, 255].
    """
    rows, columns = image.shape[:2]
    smooth = Image.fromarray(heat.astype(np.float32)).resize(
        (columns, rows), Image.Resampling.BILINEAR
    )
    strength = np.asarray(smooth)[..., None]
    colours = matplotlib.colormaps["inferno"](strength[..., 0])[..., :3] * 255.0
    grey = image.mean(axis=-1, keepdims=True)
    blended: np.ndarray = (1 - 0.65 * strength) * grey + 0.65 * strength * colours
    return blended
