"""The declared top: any graph of Keras layers over a backbone."""

import numpy as np
import pytest

from framework.config import resolve_config
from framework.models.backbones import build_backbone
from framework.models.classifier import build_classifier, load_classifier_file, save_classifier

ANSWER = {"layer_type": "Dense", "initializing_parameters": {"units": 2, "activation": "softmax"}}


def build(top, model_name="none", shape=(8, 8, 1)):
    config = resolve_config(
        {
            "training_config": {},
            "data_config": {
                "dataset": {"name": "npz", "path": "two.npz"},
                "image_shape": dict(
                    zip(("image_rows", "image_columns", "channel_numbers"), shape, strict=True)
                )
            },
            "model_configuration": {
                "model_name": model_name, "weights": None, "model_top_config": top,
            },
        }
    )  # fmt: skip
    return build_classifier(config, build_backbone(model_name, shape), ("a", "b"))


def layer(layer_type, input_layer=None, **arguments):
    declared = {"layer_type": layer_type, "initializing_parameters": arguments}
    return declared if input_layer is None else {**declared, "input_layer": input_layer}


TOPS = {
    "a chain": {"flat": layer("Flatten"), "answer": ANSWER},
    "two branches": {
        "left": layer("Conv2D", "backbone", filters=2, kernel_size=3),
        "right": layer("Conv2D", "backbone", filters=3, kernel_size=3),
        "both": layer("Concatenate", ["left", "right"]),
        "flat": layer("Flatten"),
        "answer": ANSWER,
    },
    "a shortcut": {
        "conv": layer("Conv2D", filters=1, kernel_size=3, padding="same"),
        "sum": layer("Add", ["conv", "backbone"]),
        "flat": layer("Flatten"),
        "answer": ANSWER,
    },
    "attention to itself": {
        "rows": layer("Reshape", target_shape=[8, 8]),
        "attention": layer("MultiHeadAttention", num_heads=2, key_dim=4),
        "flat": layer("Flatten"),
        "answer": ANSWER,
    },
    "a wrapped layer": {
        "rows": layer("Reshape", target_shape=[8, 8]),
        "both_ways": layer("Bidirectional", layer={"class_name": "LSTM", "config": {"units": 3}}),
        "answer": ANSWER,
    },
    "nested arguments": {
        "flat": layer("Flatten"),
        "dense": layer(
            "Dense",
            units=3,
            kernel_regularizer={"class_name": "L2", "config": {"l2": 1e-4}},
            kernel_initializer="he_normal",
        ),
        "answer": ANSWER,
    },
}


@pytest.mark.parametrize("name", TOPS)
def test_a_top_is_built_saved_and_loaded(name, tmp_path):
    classifier = build(TOPS[name])
    images = np.random.default_rng(0).uniform(0, 255, (3, 8, 8, 1)).astype(np.float32)

    save_classifier(classifier, tmp_path / "model.keras")
    loaded = load_classifier_file(tmp_path / "model.keras")

    names = [layer.name for layer in classifier.model.layers]
    assert set(TOPS[name]) < set(names)
    expected = classifier.model.predict_on_batch(images)
    assert expected.shape == (3, 2)
    assert np.array_equal(loaded.model.predict_on_batch(images), expected)


def test_a_top_may_read_several_backbone_layers():
    top = {
        "deep": layer("GlobalAveragePooling2D", "block5_pool"),
        "middle": layer("GlobalAveragePooling2D", "block4_pool"),
        "both": layer("Concatenate", ["deep", "middle"]),
        "answer": ANSWER,
    }

    classifier = build(top, "VGG16", (32, 32, 3))

    assert classifier.model.get_layer("both").output.shape == (None, 1024)
    assert classifier.count_parameters()["trainable"] == 1024 * 2 + 2
