from dataclasses import replace

import numpy as np
import pytest

from framework.evaluation.figure_data.predicted_images import PredictedImages
from framework.evaluation.figures.sample_images import plot_mistakes, plot_samples
from tests.helpers.fake_results import (
    DIGITS,
    SUBJECT,
    load_digit_images,
    make_noise_images,
    make_predictions,
    make_sure_predictions,
)
from tests.helpers.figure_asserts import draw, find_cut_off, find_overlaps

LONG = [f"a rather long class name, number {place}" for place in range(100)]


@pytest.fixture(scope="module")
def images():
    return load_digit_images(1400, 1797)


@pytest.fixture(scope="module")
def predictions(images):
    return make_predictions(images.labels)


def predict(predictions, images, class_names=DIGITS, seed=0):
    return PredictedImages(predictions, images, class_names, SUBJECT, seed)


def test_mistakes_come_most_confident_first(predictions, images):
    order = predict(predictions, images).rank_mistakes()
    assert set(order) == set(np.flatnonzero(predictions.predicted != predictions.true))
    assert (np.diff(predictions.confidence[order]) <= 0).all()


def test_each_mistake_shows_its_image_classes_confidence_and_number(predictions, images):
    predictions = replace(predictions, indices=np.arange(len(images)) + 5000)
    test = predict(predictions, images)
    figure = plot_mistakes(test)
    mistakes = test.rank_mistakes()
    worst = mistakes[0]
    panel = figure.axes[0]
    said = DIGITS[predictions.predicted[worst]]
    assert panel.get_title(loc="left").split("\n")[:2] == [
        f"true: {DIGITS[predictions.true[worst]]}",
        f"said: {said}",
    ]
    assert f"no. {worst + 5000}" in panel.get_title(loc="left")
    assert (panel.images[0].get_array() == images.pixels[worst]).all()
    assert (
        f"{len(mistakes)} of 397 test images are wrong, 24 of them shown"
        in figure.texts[1].get_text()
    )


def test_mistakes_are_called_by_their_files(predictions, images):
    names = [f"test/{label}/IMG_{place}.jpg" for place, label in enumerate(images.labels)]
    test = replace(predict(predictions, images), files=dict(enumerate(names))).sample()
    worst = test.rank_mistakes()[0]
    assert plot_mistakes(test).axes[0].get_title(loc="left").endswith(f"IMG_{worst}.jpg")


def test_no_mistakes_is_said(images):
    right = make_sure_predictions(images.labels, images.labels)
    figure = plot_mistakes(predict(right, images))
    assert figure.axes[0].texts[0].get_text() == "No mistakes."


def test_samples_show_the_most_probable_classes(predictions, images):
    figure = plot_samples(predict(predictions, images, seed=3))
    shown = np.sort(np.random.default_rng(3).choice(397, 12, replace=False))
    bars = figure.axes[1]
    first = predictions.probabilities[shown[0]]
    assert bars.texts[0].get_text() == DIGITS[first.argmax()]
    assert bars.texts[1].get_text() == f"{first.max():.0%}"
    right = int(predictions.correct[shown].sum())
    assert figure.texts[1].get_text().endswith(f"drawn at random; {right} of them right")


def test_fewer_images_than_panels(images):
    few = make_predictions(images.labels[:2])
    draw(plot_samples(predict(few, images)))


def test_a_diverged_network_has_figures_too(images):
    lost = np.full((397, 10), np.nan, np.float32)
    predictions = replace(make_predictions(images.labels), probabilities=lost)
    test = predict(predictions, images)
    draw(plot_samples(test))
    figure = plot_mistakes(test)
    assert "no number" in figure.axes[0].get_title(loc="left")


@pytest.mark.parametrize("plot", [plot_mistakes, plot_samples])
def test_long_names_fit(plot):
    images = make_noise_images(200)
    predictions = make_predictions(images.labels, 100, accuracy=0.5)
    figure = plot(predict(predictions, images, LONG))
    assert find_cut_off(figure) == []
    assert find_overlaps(figure) == []
