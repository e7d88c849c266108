import keras
import numpy as np
import pytest

from framework.errors import RunError
from framework.evaluation.figure_data.layer_maps import compute_feature_maps, get_filters
from framework.evaluation.figures.activations import plot_feature_maps, plot_filters
from tests.helpers.fake_results import SUBJECT
from tests.helpers.figure_asserts import draw, find_cut_off

pytestmark = pytest.mark.filterwarnings("error")


def test_feature_maps_are_the_layers_output(classifier, images):
    image = images.read(np.array([0]))[0]
    figure = plot_feature_maps(
        compute_feature_maps(classifier, "conv", image), "conv", image, "test image no. 0", SUBJECT
    )
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
    figure = plot_feature_maps(
        compute_feature_maps(model, "wide", image), "wide", image, "a black image", SUBJECT
    )
    described = " ".join(figure.texts[1].get_text().split())
    assert "the first 48 of 60 maps" in described
    assert described.endswith("48 of them are the same everywhere")
    assert [label.get_text() for label in figure.axes[1].get_yticklabels()] == [
        "0",
        "12",
        "24",
        "36",
    ]
    assert find_cut_off(figure) == []
    wide = plot_filters(get_filters(model, "wide"), "wide", SUBJECT)
    assert "the first 48 of 60 filters" in wide.texts[1].get_text()
    deep = plot_filters(get_filters(model, "deep"), "deep", SUBJECT)
    text = " ".join(deep.texts[1].get_text().split())
    assert "the first 8 of 60 filters, one a numbered row; the first 12 of 60 inputs" in text
    assert find_cut_off(deep) == []


def test_filters_over_three_channels_are_colors():
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, keras.layers.Conv2D(1, 2, name="conv")(inputs))
    kernel = np.arange(12, dtype=np.float32).reshape(2, 2, 3, 1)
    model.get_layer("conv").set_weights([kernel, np.zeros(1)])
    shown = plot_filters(get_filters(model, "conv"), "conv", SUBJECT).axes[0].images[0].get_array()
    assert (shown[:2, :2] == np.rint(kernel[..., 0] * 255 / 11)).all()


@pytest.mark.parametrize(
    ("show", "message"),
    [
        (
            lambda model: compute_feature_maps(model, "nope", np.zeros((8, 8, 3))),
            "has no layer 'nope'",
        ),
        (
            lambda model: compute_feature_maps(model, "flatten", np.zeros((8, 8, 3))),
            "'flatten' has no maps",
        ),
        (lambda model: get_filters(model, "answer"), "'answer' has no filters"),
    ],
)
def test_layers_without_anything_to_show_are_told(show, message):
    inputs = keras.Input((8, 8, 3))
    flat = keras.layers.Flatten(name="flatten")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2, name="answer")(flat))
    with pytest.raises(RunError, match=message):
        show(model)
