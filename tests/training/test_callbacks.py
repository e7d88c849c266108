"""The callbacks of a config, and where they write."""

import csv

import keras
import numpy as np
import pytest

from framework.errors import RunError
from framework.models.classifier import Classifier, load_classifier_file
from framework.training.callbacks import build_callbacks


@pytest.fixture
def classifier():
    """A backbone layer and a head of one layer, which is what trains."""
    image = keras.Input((2, 2, 1), name="image")
    features = keras.layers.Flatten(name="features")(image)
    output = keras.layers.Dense(2, activation="softmax", name="answer")(features)
    return Classifier(keras.Model(image, output), ("no", "yes"), ("image", "features"))


def fit_head(classifier, callbacks, epochs=2):
    answer = classifier.model.get_layer("answer")
    head = keras.Model(answer.input, answer.output)
    head.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    x, y = np.ones((4, 4), np.float32), np.zeros(4)
    head.fit(x, y, epochs=epochs, validation_data=(x, y), callbacks=callbacks, verbose=0)


def test_a_checkpoint_holds_the_whole_classifier_with_its_names(classifier, tmp_path):
    conf = {
        "ModelCheckpoint": {
            "filepath": "best/{epoch:02d}.keras",
            "monitor": "val_accuracy",
            "save_best_only": True,
        }
    }

    fit_head(classifier, build_callbacks(conf, tmp_path, classifier))

    files = sorted((tmp_path / "best").iterdir())
    assert files[0].name == "01.keras"
    loaded = load_classifier_file(files[0])
    assert loaded.class_names == ("no", "yes")
    assert loaded.model.input_shape == (None, 2, 2, 1)


def test_a_checkpoint_of_weights_fits_the_whole_classifier(classifier, tmp_path):
    conf = {"ModelCheckpoint": {"filepath": "last.weights.h5", "save_weights_only": True}}

    fit_head(classifier, build_callbacks(conf, tmp_path, classifier))

    expected = classifier.model.get_weights()
    classifier.model.set_weights([np.zeros_like(weight) for weight in expected])
    classifier.model.load_weights(tmp_path / "last.weights.h5")
    assert all(map(np.array_equal, classifier.model.get_weights(), expected))


def test_files_lie_in_the_run_directory(classifier, tmp_path):
    conf = {"CSVLogger": {"filename": "logs/epochs.csv", "separator": ";"}, "TerminateOnNaN": {}}

    fit_head(classifier, build_callbacks(conf, tmp_path, classifier))

    with (tmp_path / "logs" / "epochs.csv").open(newline="") as file:
        assert [row["epoch"] for row in csv.DictReader(file, delimiter=";")] == ["0", "1"]


def test_a_missing_package_is_told(classifier, tmp_path, monkeypatch):
    found = "framework.utils.optional_dependencies.find_spec"
    monkeypatch.setattr(found, lambda package: None)

    with pytest.raises(RunError, match=r"TensorBoard needs tensorboard\..*\[tracking\]"):
        build_callbacks({"TensorBoard": {}}, tmp_path, classifier)
