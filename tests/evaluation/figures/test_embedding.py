import keras
import numpy as np
import pytest

from framework.errors import RunError
from framework.evaluation.figure_data.embeddings import compute_features, embed_test_images
from framework.evaluation.figure_data.predicted_images import PredictedImages
from framework.evaluation.figures.embedding import plot_embedding
from tests.helpers.fake_results import SUBJECT, ArrayImages, make_predictions
from tests.helpers.figure_asserts import find_cut_off

NAMES = ["red", "blue"]

pytestmark = pytest.mark.filterwarnings("error")


def test_the_embedding_shows_every_image_once(classifier, predicted):
    figure = plot_embedding(embed_test_images(classifier, predicted), predicted)
    for axes in figure.axes:
        assert sum(len(points.get_offsets()) for points in axes.collections) == 40
    assert [text.get_text() for text in figure.legends[0].get_texts()] == NAMES
    assert find_cut_off(figure) == []


def test_the_features_are_what_the_last_layer_reads(classifier, images):
    features = compute_features(classifier, images.read(np.arange(4)))
    assert features.shape == (4, 2)
    answer = classifier.get_layer("answer")(features).numpy()
    assert answer == pytest.approx(classifier([images.read(np.arange(4))]).numpy())


def test_a_layer_may_be_called_as_keras_calls_its_own():
    inputs = keras.Input((2, 2))
    flat = keras.layers.Flatten(name="flatten")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(3, name="concatenate")(flat))
    images = np.arange(600, dtype=np.float32).reshape(150, 2, 2)
    assert (compute_features(model, images) == images.reshape(150, 4)).all()


def test_the_features_of_a_merging_layer_are_all_it_reads():
    inputs = keras.Input((4,))
    branches = [keras.layers.Dense(2)(inputs), keras.layers.Dense(2)(inputs)]
    model = keras.Model(inputs, keras.layers.Add()(branches))
    assert compute_features(model, np.ones((3, 4), np.float32)).shape == (3, 4)


def test_too_few_images_for_a_map_are_told(classifier):
    few = ArrayImages(np.zeros((3, 8, 8, 3), np.uint8), [0, 1, 0])
    predictions = make_predictions(few.labels, 2)
    with pytest.raises(RunError, match="3 test images are too few"):
        test = PredictedImages(predictions, few, NAMES, SUBJECT)
        plot_embedding(embed_test_images(classifier, test), test)
