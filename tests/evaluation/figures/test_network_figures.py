"""Figures of the inside of a network, with a tiny one that tells red from blue."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from framework.errors import RunError
from framework.evaluation.figures.activations import plot_feature_maps, plot_filters
from framework.evaluation.figures.embedding import compute_features, plot_embedding
from framework.evaluation.figures.grad_cam import (
    compute_heat_maps,
    find_last_convolution,
    overlay_heat,
    plot_grad_cam,
)
from framework.evaluation.figures.sample_images import PredictedImages
from framework.evaluation.metrics.predictions import Predictions
from tests.helpers.fake_results import SUBJECT, ArrayImages, make_predictions
from tests.helpers.figure_asserts import draw, find_cut_off

NAMES = ["red", "blue"]

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture(scope="module")
def classifier():
    """Answers by how much of the image is red, and how much blue; all frozen."""
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
    return PredictedImages(predictions, images, NAMES, SUBJECT)


def test_the_heat_lies_where_the_evidence_is(classifier, images):
    layer = find_last_convolution(classifier)
    heat = compute_heat_maps(classifier, layer, images.read(np.array([0, 1])), np.array([0, 1]))
    assert heat.shape == (2, 8, 8)
    assert heat.max() == 1.0
    image = images.read(np.array([0, 1])).max(axis=-1)
    assert (heat == image / 255).all()


def test_a_sure_answer_has_a_heat_map_too(classifier, images):
    saturated = keras.models.clone_model(classifier)
    saturated.set_weights([100 * weight for weight in classifier.get_weights()])
    image = images.read(np.array([0]))
    assert saturated([image]).numpy().max() == 1.0
    layer = find_last_convolution(saturated)
    assert compute_heat_maps(saturated, layer, image, np.array([0])).max() == 1.0


@pytest.mark.parametrize("ending", [keras.layers.Softmax(), keras.layers.Activation("softmax")])
def test_a_softmax_of_its_own_layer_gives_the_same_heat(ending, classifier, images):
    last = classifier.get_layer("answer")
    linear = keras.layers.Dense(2)
    other = keras.Model(classifier.input, ending(linear(last.input)))
    linear.set_weights(last.get_weights())
    layer = classifier.get_layer("conv")
    image, label = images.read(np.array([0])), np.array([0])
    expected = compute_heat_maps(classifier, layer, image, label)
    assert compute_heat_maps(other, layer, image, label) == pytest.approx(expected)


def test_the_last_convolution_is_the_last_with_places_to_tell_apart():
    inputs = keras.Input((16, 16, 3))
    maps = keras.layers.Conv2D(2, 3, strides=4, padding="same", name="fine")(inputs)
    maps = keras.layers.Conv2D(2, 3, strides=2, padding="same", name="coarse")(maps)
    model = keras.Model(inputs, keras.layers.Flatten()(maps))
    assert find_last_convolution(model).name == "fine"


def test_a_network_without_convolutions_is_told():
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(inputs)))
    with pytest.raises(RunError, match="needs a convolution"):
        find_last_convolution(model)


def test_where_nothing_spoke_for_the_class_that_is_said(classifier, images, predicted):
    image, label = images.read(np.array([0])), np.array([1])
    assert not compute_heat_maps(classifier, classifier.get_layer("conv"), image, label).any()
    predictions = predicted.predictions
    turned = replace(predictions, probabilities=predictions.probabilities[:, ::-1])
    figure = plot_grad_cam(classifier, replace(predicted, predictions=turned))
    titles = [axes.get_title(loc="left") for axes in figure.axes if axes.axison]
    assert len(titles) == 8
    assert all("no heat" in title for title in titles)


def test_no_heat_leaves_the_image_as_it_is():
    image = np.full((8, 8, 3), 90.0, np.float32)
    assert (overlay_heat(image, np.zeros((2, 2), np.float32)) == 90).all()


def test_grad_cam_shows_wrong_and_right_predictions(classifier, predicted):
    figure = plot_grad_cam(classifier, predicted)
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert len(titles) == 12
    right = [title for title in titles if "✓" in title]
    assert {name for name in NAMES for title in right if f"said: {name}" in title} == set(NAMES)
    assert sum("✗" in title for title in titles) == 2
    assert "layer conv, a map of 8x8" in figure.texts[1].get_text()
    assert find_cut_off(figure) == []


def test_feature_maps_are_the_layers_output(classifier, images):
    image = images.read(np.array([0]))[0]
    figure = plot_feature_maps(classifier, "conv", image, "test image no. 0", SUBJECT)
    grid = figure.axes[1].images[0].get_array()
    assert (grid[:8, :8, 0] == image[..., 0]).all()
    assert (grid[:8, 9:17, 0] == image[..., 2]).all()
    assert "all 2 maps of 8x8" in figure.texts[1].get_text()
    draw(figure)


def test_what_is_left_out_is_said():
    inputs = keras.Input((8, 8, 3))
    maps = keras.layers.Conv2D(60, 3, name="wide")(inputs)
    model = keras.Model(inputs, keras.layers.Conv2D(60, 3, name="deep")(maps))
    image = np.zeros((8, 8, 3), np.float32)
    figure = plot_feature_maps(model, "wide", image, "a black image", SUBJECT)
    assert "the first 48 of 60 maps" in figure.texts[1].get_text()
    assert "the first 48 of 60 filters" in plot_filters(model, "wide", SUBJECT).texts[1].get_text()
    deep = plot_filters(model, "deep", SUBJECT)
    text = " ".join(deep.texts[1].get_text().split())
    assert "the first 8 of 60 filters, one a row; the first 12 of 60 inputs" in text
    assert find_cut_off(deep) == []


def test_filters_over_three_channels_are_colors():
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, keras.layers.Conv2D(1, 2, name="conv")(inputs))
    kernel = np.arange(12, dtype=np.float32).reshape(2, 2, 3, 1)
    model.get_layer("conv").set_weights([kernel, np.zeros(1)])
    shown = plot_filters(model, "conv", SUBJECT).axes[0].images[0].get_array()
    assert (shown[:2, :2] == np.rint(kernel[..., 0] * 255 / 11)).all()


@pytest.mark.parametrize(
    ("plot", "message"),
    [
        (
            lambda model: plot_feature_maps(model, "nope", np.zeros((8, 8, 3)), "", ""),
            "has no layer 'nope'",
        ),
        (
            lambda model: plot_feature_maps(model, "flatten", np.zeros((8, 8, 3)), "", ""),
            "'flatten' has no maps",
        ),
        (lambda model: plot_filters(model, "answer", ""), "'answer' has no filters"),
    ],
)
def test_layers_without_anything_to_show_are_told(plot, message):
    inputs = keras.Input((8, 8, 3))
    flat = keras.layers.Flatten(name="flatten")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2, name="answer")(flat))
    with pytest.raises(RunError, match=message):
        plot(model)


def test_the_embedding_shows_every_image_once(classifier, predicted):
    figure = plot_embedding(classifier, predicted)
    for axes in figure.axes:
        assert sum(len(points.get_offsets()) for points in axes.collections) == 40
    assert [text.get_text() for text in figure.legends[0].get_texts()] == NAMES
    assert find_cut_off(figure) == []


def test_the_features_are_what_the_last_layer_reads(classifier, images):
    features = compute_features(classifier, images.read(np.arange(4)))
    assert features.shape == (4, 2)
    answer = classifier.get_layer("answer")(features).numpy()
    assert answer == pytest.approx(classifier([images.read(np.arange(4))]).numpy())


def test_the_features_of_a_merging_layer_are_all_it_reads():
    inputs = keras.Input((4,))
    branches = [keras.layers.Dense(2)(inputs), keras.layers.Dense(2)(inputs)]
    model = keras.Model(inputs, keras.layers.Add()(branches))
    assert compute_features(model, np.ones((3, 4), np.float32)).shape == (3, 4)


def test_too_few_images_for_a_map_are_told(classifier):
    few = ArrayImages(np.zeros((3, 8, 8, 3), np.uint8), [0, 1, 0])
    predictions = make_predictions(few.labels, 2)
    with pytest.raises(RunError, match="3 test images are too few"):
        plot_embedding(classifier, PredictedImages(predictions, few, NAMES, SUBJECT))
