"""From a config to a classifier."""

import keras
import numpy as np
import pytest

from framework.config import resolve_config
from framework.errors import ConfigError, RunError
from framework.models.builder import check_top, load_fitting_classifier, load_or_build_classifier
from framework.models.classifier import load_classifier_file, save_classifier

NAMES = tuple("0123456789")


def make_config(units=10, size=8, **training):
    answer = {"units": units, "activation": "softmax"}
    return resolve_config(
        {
            "training_config": training,
            "data_config": {
                "dataset": "digits",
                "image_shape": {"image_rows": size, "image_columns": size, "channel_numbers": 1},
            },
            "model_configuration": {
                "model_name": "none",
                "model_top_config": {
                    "scale": {
                        "layer_type": "Rescaling",
                        "initializing_parameters": {"scale": 0.01},
                    },
                    "conv": {
                        "layer_type": "Conv2D",
                        "initializing_parameters": {"filters": 4, "kernel_size": 3},
                    },
                    "flat": {"layer_type": "Flatten"},
                    "answer": {"layer_type": "Dense", "initializing_parameters": answer},
                },
            },
        }
    )


@pytest.fixture
def images():
    return np.random.default_rng(0).uniform(0, 255, (3, 8, 8, 1)).astype(np.float32)


def test_the_top_is_the_whole_network_without_a_backbone(images, tmp_path):
    classifier, fallback = load_or_build_classifier(make_config(), NAMES)
    save_classifier(classifier, tmp_path / "model.keras")

    assert fallback is None
    layers = [layer.name for layer in classifier.model.layers]
    assert layers == ["image", "scale", "conv", "flat", "answer"]
    expected = classifier.model.predict_on_batch(images)
    plain = keras.models.load_model(tmp_path / "model.keras")
    assert np.array_equal(plain.predict_on_batch(images), expected)
    assert load_classifier_file(tmp_path / "model.keras").class_names == NAMES


def test_the_seed_draws_the_weights():
    first, again, other = (
        load_or_build_classifier(make_config(seed=seed), NAMES)[0].model.get_weights()
        for seed in (1, 1, 2)
    )

    assert all(map(np.array_equal, first, again))
    assert not np.array_equal(first[0], other[0])


@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_keeps_weights_and_answers_in_float32(images, precision):
    classifier, _ = load_or_build_classifier(make_config(precision=precision), NAMES)

    conv = classifier.model.get_layer("conv")
    assert conv.compute_dtype == precision.removeprefix("mixed_")
    assert conv.kernel.dtype == "float32"
    answers = classifier.model.predict_on_batch(images)
    assert answers.dtype == np.float32
    assert np.allclose(answers.sum(axis=1), 1, atol=1e-6)


def test_the_next_config_is_in_float32_again():
    load_or_build_classifier(make_config(precision="mixed_bfloat16"), NAMES)
    assert keras.config.dtype_policy().name == "float32"
    classifier, _ = load_or_build_classifier(make_config(), NAMES)

    assert classifier.model.get_layer("conv").compute_dtype == "float32"


def test_a_top_for_other_classes_is_refused_before_anything_is_loaded():
    with pytest.raises(ConfigError, match="answer"):
        check_top(make_config(units=8))


@pytest.mark.parametrize(
    ("config", "names", "message"),
    [
        (make_config(size=9), NAMES, r"takes images of shape \(8, 8, 1\)"),
        (make_config(), ("a", "b"), "has other classes than the data set"),
    ],
)
def test_a_classifier_for_other_data_is_refused(tmp_path, config, names, message):
    classifier, _ = load_or_build_classifier(make_config(), NAMES)
    save_classifier(classifier, tmp_path / "model.keras")

    with pytest.raises(RunError, match=message):
        shape = config.data_config.image_shape.as_tuple
        load_fitting_classifier(tmp_path / "model.keras", shape, names)


def test_a_file_that_is_no_classifier_is_refused(tmp_path):
    path = tmp_path / "model.keras"
    with pytest.raises(RunError, match="no model file"):
        load_classifier_file(path)
    path.write_bytes(b"PK\x03\x04" + bytes(100))
    with pytest.raises(RunError, match="can't be read as a Keras model"):
        load_classifier_file(path)
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(path)
    with pytest.raises(RunError, match="names no classes"):
        load_classifier_file(path)
