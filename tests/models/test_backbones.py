"""Backbones: every application of the catalogue, its preprocessing and its arguments.

By default one is built and trained. For all of them, which takes long and much memory:

    ALL_BACKBONES=1 pytest tests/models/test_backbones.py
"""

import importlib
import inspect
import os

import keras
import numpy as np
import pytest

from framework.config import catalog, resolve_config
from framework.models.backbones import build_backbone
from framework.models.classifier import build_classifier, load_classifier_file, save_classifier
from framework.models.preprocessing import find_preprocessing, preprocess

NAMES = catalog.list_names("backbones")
SAMPLE = NAMES if os.environ.get("ALL_BACKBONES") else ("MobileNet",)


@pytest.fixture
def forget_models():
    yield
    keras.utils.clear_session()


def make_config(model_name, size):
    return resolve_config(
        {
            "training_config": {},
            "data_config": {
                "dataset": {"name": "npz", "path": "two.npz"},
                "image_shape": {"image_rows": size, "image_columns": size},
            },
            "model_configuration": {
                "model_name": model_name,
                "weights": None,
                "trainable": "all",
                "model_top_config": {
                    "pool": {"layer_type": "GlobalAveragePooling2D"},
                    "answer": {
                        "layer_type": "Dense",
                        "initializing_parameters": {"units": 2, "activation": "softmax"},
                    },
                },
            },
        }
    )


@pytest.mark.parametrize("model_name", NAMES)
def test_preprocessing_is_that_of_the_application(model_name):
    module = importlib.import_module(
        f"keras.applications.{catalog.find_entry('backbones', model_name)['module']}"
    )
    images = np.random.default_rng(0).uniform(0, 255, (2, 5, 5, 3)).astype(np.float32)
    image = keras.Input((5, 5, 3))
    own = keras.Model(image, preprocess(image, find_preprocessing(model_name)) * 1.0)

    expected = module.preprocess_input(images.copy())

    assert np.allclose(own.predict_on_batch(images), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("model_name", SAMPLE)
def test_an_application_trains_and_loads_the_same(model_name, tmp_path, forget_models):
    size = catalog.find_entry("backbones", model_name)["smallest_image"]
    keras.utils.set_random_seed(0)
    backbone = build_backbone(model_name, (size, size, 3))
    for layer in backbone.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            # With random weights the deepest networks overflow, unless the statistics fit them.
            layer.momentum = 0.0
    classifier = build_classifier(make_config(model_name, size), backbone, ("a", "b"))
    images = np.random.default_rng(0).uniform(0, 255, (4, size, size, 3)).astype(np.float32)
    before = classifier.fingerprint_backbone()

    classifier.model.compile(keras.optimizers.SGD(1e-5), "sparse_categorical_crossentropy")
    classifier.model.train_on_batch(images, np.array([0, 1, 0, 1]))
    save_classifier(classifier, tmp_path / "model.keras")
    loaded = load_classifier_file(tmp_path / "model.keras")

    assert classifier.fingerprint_backbone() != before
    expected = classifier.model.predict_on_batch(images)
    assert np.isfinite(expected).all()
    assert np.allclose(loaded.model.predict_on_batch(images), expected, atol=1e-6)
    assert loaded.fingerprint_backbone() == classifier.fingerprint_backbone()


@pytest.mark.parametrize("model_name", NAMES)
def test_a_config_may_give_only_arguments_that_the_application_has(model_name):
    signature = inspect.signature(getattr(keras.applications, model_name)).parameters

    allowed = catalog.list_backbone_arguments(model_name)

    assert set(allowed) == set(catalog.BACKBONE_ARGUMENTS) & set(signature)


def test_arguments_reach_the_application():
    whole = build_backbone("MobileNet", (32, 32, 3))
    quarter = build_backbone("MobileNet", (32, 32, 3), None, {"alpha": 0.25, "pooling": "avg"})

    assert whole.output_shape == (None, 1, 1, 1024)
    assert quarter.output_shape == (None, 256)


def test_without_a_backbone_the_top_reads_the_image():
    backbone = build_backbone("none", (28, 28, 1))

    assert backbone.output_shape == (None, 28, 28, 1)
    assert not backbone.weights


def test_unnamed_layers_get_the_catalogue_s_names_every_time():
    for _ in range(2):
        backbone = build_backbone("InceptionV3", (75, 75, 3))
        names = [layer.name for layer in backbone.layers]
        assert set(catalog.load_backbone_layers("InceptionV3")) <= set(names)
