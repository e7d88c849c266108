"""A tiny network that tells red from blue, for figures of the inside of a network."""

import numpy as np
import pytest

from framework.evaluation.figure_data.predicted_images import PredictedImages
from framework.evaluation.metrics.predictions import Predictions
from tests.helpers.fake_results import SUBJECT, ArrayImages


@pytest.fixture(scope="module")
def classifier():
    """Answers by how much of the image is red, and how much blue; all frozen."""
    import keras

    inputs = keras.Input((8, 8, 3), name="image")
    maps = keras.layers.Rescaling(1 / 255)(inputs)
    maps = keras.layers.Conv2D(2, 3, padding="same", activation="relu", name="conv")(maps)
    pooled = keras.layers.GlobalAveragePooling2D()(maps)
    outputs = keras.layers.Dense(2, activation="softmax", name="answer")(pooled)
    # Backbones of Keras Applications have a list of inputs; so has what is built on them.
    model = keras.Model([inputs], outputs)
    kernel = np.zeros((3, 3, 3, 2), np.float32)
    kernel[1, 1, 0, 0] = kernel[1, 1, 2, 1] = 1
    model.get_layer("conv").set_weights([kernel, np.zeros(2)])
    weights = 40.0 * np.array([[1, -1], [-1, 1]], np.float32)
    model.get_layer("answer").set_weights([weights, np.zeros(2)])
    model.trainable = False
    return model


@pytest.fixture(scope="module")
def images():
    pixels = np.zeros((40, 8, 8, 3), np.uint8)
    pixels[0::2, 2:6, 0:3, 0] = 255
    pixels[1::2, 2:6, 5:8, 2] = 255
    labels = np.arange(40) % 2
    labels[[3, 8]] = 1 - labels[[3, 8]]
    return ArrayImages(pixels, labels)


@pytest.fixture(scope="module")
def predictions(classifier, images):
    said = classifier.predict(images.read(np.arange(40)), verbose=0)
    return Predictions(images.indices, images.labels, said, 0.1)


@pytest.fixture(scope="module")
def predicted(predictions, images):
    return PredictedImages(predictions, images, ["red", "blue"], SUBJECT)
