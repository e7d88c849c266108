"""What the last layer of a classifier reads of test images."""

import keras
import numpy as np

from framework.evaluation.figure_data.predicted_images import EmbeddedImages, PredictedImages

MAX_POINTS = 1000
_BATCH_SIZE = 128


def embed_test_images(classifier: keras.Model, test: PredictedImages) -> EmbeddedImages:
    """Compute the inputs of the last layer for some test images, drawn at random.

    Args:
        classifier: A flat functional model over images.
        test: The test images, with the pixels of all.
    """
    drawn = test.draw_positions(MAX_POINTS)
    return EmbeddedImages(drawn, compute_features(classifier, test.images.read(drawn)))


def compute_features(classifier: keras.Model, images: np.ndarray) -> np.ndarray:
    """Compute the inputs of the last layer.

    Args:
        classifier: A flat functional model over images.
        images: `(n, rows, columns, channels)` float32 in [0, 255].

    Returns:
        `(n, features)` float32.
    """
    # A merging layer reads several arrays. No layer is added: its name may be taken.
    inputs = keras.tree.flatten(classifier.layers[-1].input)
    model = keras.Model(classifier.inputs[0], inputs)
    starts = range(0, len(images), _BATCH_SIZE)
    batches = [
        keras.tree.flatten(model.predict_on_batch(images[i : i + _BATCH_SIZE])) for i in starts
    ]
    return np.concatenate(
        [np.hstack([part.reshape(len(part), -1) for part in batch]) for batch in batches]
    )
