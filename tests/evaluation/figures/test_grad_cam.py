from dataclasses import replace

import keras
import numpy as np
import pytest

from framework.errors import RunError
from framework.evaluation.figure_data.grad_cam import (
    compute_heat_maps,
    explain_predictions,
    find_last_maps,
)
from framework.evaluation.figures.grad_cam import overlay_heat, plot_grad_cam
from tests.helpers.figure_asserts import find_cut_off

NAMES = ["red", "blue"]

pytestmark = pytest.mark.filterwarnings("error")


def test_the_heat_lies_where_the_evidence_is(classifier, images):
    maps = find_last_maps(classifier)
    heat = compute_heat_maps(classifier, maps, images.read(np.array([0, 1])), np.array([0, 1]))
    assert heat.shape == (2, 8, 8)
    assert heat.max() == 1.0
    image = images.read(np.array([0, 1])).max(axis=-1)
    assert (heat == image / 255).all()


def test_a_sure_answer_has_a_heat_map_too(classifier, images):
    saturated = keras.models.clone_model(classifier)
    saturated.set_weights([100 * weight for weight in classifier.get_weights()])
    image = images.read(np.array([0]))
    assert saturated([image]).numpy().max() == 1.0
    maps = find_last_maps(saturated)
    assert compute_heat_maps(saturated, maps, image, np.array([0])).max() == 1.0


@pytest.mark.parametrize("ending", [keras.layers.Softmax(), keras.layers.Activation("softmax")])
def test_a_softmax_of_its_own_layer_gives_the_same_heat(ending, classifier, images):
    last = classifier.get_layer("answer")
    linear = keras.layers.Dense(2)
    other = keras.Model(classifier.input, ending(linear(last.input)))
    linear.set_weights(last.get_weights())
    maps = classifier.get_layer("conv").output
    image, label = images.read(np.array([0])), np.array([0])
    expected = compute_heat_maps(classifier, maps, image, label)
    assert compute_heat_maps(other, maps, image, label) == pytest.approx(expected)


def test_the_last_convolution_is_the_last_with_places_to_tell_apart():
    inputs = keras.Input((16, 16, 3))
    maps = keras.layers.Conv2D(2, 3, strides=4, padding="same", name="fine")(inputs)
    maps = keras.layers.Conv2D(2, 3, strides=2, padding="same", name="coarse")(maps)
    model = keras.Model(inputs, keras.layers.Flatten()(maps))
    assert find_last_maps(model) is model.get_layer("fine").output


def test_a_network_without_convolutions_is_told():
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(inputs)))
    with pytest.raises(RunError, match="needs a convolution"):
        find_last_maps(model)


def test_where_nothing_spoke_for_the_class_that_is_said(classifier, images, predicted):
    image, label = images.read(np.array([0])), np.array([1])
    assert not compute_heat_maps(
        classifier, classifier.get_layer("conv").output, image, label
    ).any()
    predictions = predicted.predictions
    turned = replace(predictions, probabilities=predictions.probabilities[:, ::-1])
    test = replace(predicted, predictions=turned)
    figure = plot_grad_cam(explain_predictions(classifier, test), test)
    titles = [axes.get_title(loc="left") for axes in figure.axes if axes.axison]
    assert len(titles) == 8
    assert all("no heat" in title for title in titles)


def test_no_heat_leaves_the_image_as_it_is():
    image = np.full((8, 8, 3), 90.0, np.float32)
    assert (overlay_heat(image, np.zeros((2, 2), np.float32)) == 90).all()


def test_grad_cam_shows_wrong_and_right_predictions(classifier, predicted):
    figure = plot_grad_cam(explain_predictions(classifier, predicted), predicted)
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert len(titles) == 12
    right = [title for title in titles if "✓" in title]
    assert {name for name in NAMES for title in right if f"said: {name}" in title} == set(NAMES)
    assert sum("✗" in title for title in titles) == 2
    assert "layer conv, a map of 8x8" in figure.texts[1].get_text()
    assert find_cut_off(figure) == []
