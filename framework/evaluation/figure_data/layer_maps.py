"""What single layers hold and give: their filters, and their feature maps of one image."""

import keras
import numpy as np

from framework.errors import RunError


def compute_feature_maps(classifier: keras.Model, layer_name: str, image: np.ndarray) -> np.ndarray:
    """Compute the feature maps of a layer for an image.

    Args:
        classifier: A flat functional model over images.
        layer_name: A layer with an output `(n, rows, columns, channels)`.
        image: `(rows, columns, channels)` float32 in [0, 255].

    Returns:
        `(channels, rows, columns)`.

    Raises:
        RunError: There is no such layer, or its output is not a stack of maps.
    """
    layer = _find_layer(classifier, layer_name)
    if len(layer.output.shape) != 4:
        raise RunError(
            f"report_config.feature_maps: layer {layer_name!r} has no maps; its output has the "
            f"shape {tuple(layer.output.shape)}."
        )
    model = keras.Model(classifier.inputs[0], layer.output)
    return np.moveaxis(np.asarray(model(image[None], training=False))[0], -1, 0)


def get_filters(classifier: keras.Model, layer_name: str) -> np.ndarray:
    """Return the filters of a convolution, `(filters, rows, columns, inputs)`.

    Raises:
        RunError: There is no such layer, or it has no filters.
    """
    layer = _find_layer(classifier, layer_name)
    kernel = getattr(layer, "kernel", None)
    if kernel is None or len(kernel.shape) != 4:
        raise RunError(f"report_config.filters: layer {layer_name!r} has no filters to show.")
    # From (rows, columns, inputs, filters).
    return np.moveaxis(np.asarray(kernel), -1, 0)


def _find_layer(classifier: keras.Model, name: str) -> keras.layers.Layer:
    for layer in classifier.layers:
        if layer.name == name:
            return layer
    known = ", ".join(layer.name for layer in classifier.layers)
    raise RunError(f"report_config: the classifier has no layer {name!r}; it has {known}.")
