"""Errors that only Keras can find in a top: the whole message, at the layer's line."""

import json

import keras
import pytest

from framework.config import load_config
from framework.errors import ConfigError
from framework.models.top import build_top
from framework.models.top_validator import TopValidator
from tests.models.test_random_configs import SOFTMAX, make_backbone, make_config

FLAT = {"layer_type": "Flatten"}
BOTH = ["block1_conv1", "block1_pool"]


def layer(layer_type, source="backbone", **arguments):
    return {
        "layer_type": layer_type,
        "initializing_parameters": arguments,
        "input_layer": source,
    }


def build(top):
    config = make_config(top)
    backbone = make_backbone()
    validator = TopValidator(config.model_configuration.model_top_config, config.source_map)
    output = build_top(validator, backbone)
    validator.check_output(tuple(output.shape), 10, "'mnist'")
    model = keras.Model(backbone.inputs, output)
    validator.validate_forward(model, {layer.name for layer in backbone.layers})
    return model


@pytest.mark.parametrize(
    ("top", "said"),
    [
        (
            {"x": layer("Conv2D", "flat", filters=3, kernel_size=3), "flat": FLAT | {"input_layer":
                "backbone"}, "y": layer("Flatten", "x"), "out": SOFTMAX},
            "x.input_layer: Conv2D takes maps (rows x columns x channels). "
            "Found a vector of 36 from 'flat'.",
        ),
        (
            {"x": layer("MaxPooling2D", pool_size=9), "flat": FLAT, "out": SOFTMAX},
            "x.input_layer: nothing is left of the input after this MaxPooling2D: its window, or "
            "what it cuts off, is larger than the input. Found maps of 3x3x4 from 'backbone'.",
        ),
        (
            {"x": layer("Concatenate", BOTH), "flat": FLAT, "out": SOFTMAX},
            "x.input_layer: Concatenate takes inputs that differ in the joined axis alone. "
            "Found maps of 6x6x4 from 'block1_conv1' and maps of 3x3x4 from 'block1_pool'.",
        ),
        (
            {"x": layer("Add", BOTH), "flat": FLAT, "out": SOFTMAX},
            "x.input_layer: Add takes inputs of one shape. "
            "Found maps of 6x6x4 from 'block1_conv1' and maps of 3x3x4 from 'block1_pool'.",
        ),
        (
            {"x": layer("Reshape", target_shape=[5, 5]), "flat": FLAT, "out": SOFTMAX},
            "x.input_layer: Reshape to (5, 5) changes how many numbers there are. "
            "Found maps of 3x3x4 from 'backbone'.",
        ),
        (
            {"x": layer("LSTM", units=4), "out": SOFTMAX},
            "x.input_layer: LSTM takes a sequence (steps x features). "
            "Found maps of 3x3x4 from 'backbone'.",
        ),
        (
            {"flat": FLAT, "x": layer("RandomFlip", "flat"), "out": SOFTMAX},
            "x.input_layer: RandomFlip takes maps (rows x columns x channels). "
            "Found a vector of 36 from 'flat'.",
        ),
        (
            {"x": layer("BatchNormalization", axis=7), "flat": FLAT, "out": SOFTMAX},
            "x.initializing_parameters: an axis of BatchNormalization is beyond those of its "
            "input. Found maps of 3x3x4 from 'backbone'.",
        ),
        (
            {"x": layer("Conv2D", filters=9, kernel_size=1, groups=5), "flat": FLAT,
                "out": SOFTMAX},
            "x.initializing_parameters: Keras can't make this Conv2D: The number of filters must "
            "be evenly divisible by the number of groups. Received: groups=5, filters=9",
        ),
        (
            {"x": layer("RandomGrayscale"), "flat": FLAT, "out": SOFTMAX},
            "x.initializing_parameters: Keras can't make this RandomGrayscale: Invalid channel "
            "size: expected 3 (RGB) or 1 (Grayscale). Received input with shape: "
            "images.shape=(1, 3, 3, 4)",
        ),
        (
            {"big": layer("UpSampling2D", size=30), "flat": layer("Flatten", "big"),
                "x": layer("Dense", "flat", units=65536), "out": SOFTMAX},
            "x.initializing_parameters: expected at most 1,073,741,824 weights in a layer. "
            "Found 2,123,366,400.",
        ),
        (
            {"x": layer("UpSampling2D", size=3000), "pool": layer("GlobalMaxPooling2D", "x"),
                "out": SOFTMAX},
            "x.initializing_parameters: expected at most 268,435,456 numbers for one image. "
            "Found maps of 9000x9000x4.",
        ),
        (
            {"out": SOFTMAX},
            "out: the last layer must give a vector of 10, one number for each class. "
            "Found maps of 3x3x10. Flatten or pool before it.",
        ),
        (
            {"flat": FLAT, "out": layer("Dense", "flat", units=8, activation="softmax")},
            "out.initializing_parameters.units: expected 10: 'mnist' has 10 classes. Found 8.",
        ),
    ],
)  # fmt: skip
def test_a_top_that_does_not_fit(top, said):
    with pytest.raises(ConfigError) as caught:
        build(top)
    assert str(caught.value) == (
        f"config: 1 problem\n  model_configuration.model_top_config.{said}"
    )


def test_the_problem_points_at_the_line_of_the_layer(tmp_path):
    path = tmp_path / "a.json"
    flat = {"layer_type": "Flatten"}
    out = {"layer_type": "Dense", "initializing_parameters": {"units": 8, "activation": "softmax"}}
    model = {"model_name": "VGG16", "model_top_config": {"flat": flat, "out": out}}
    data = {"dataset": {"name": "npz", "path": "data.npz"}}
    values = {"training_config": {}, "data_config": data, "model_configuration": model}
    path.write_text(json.dumps(values, indent=1))
    config = load_config(path)
    validator = TopValidator(config.model_configuration.model_top_config, config.source_map)

    with pytest.raises(ConfigError, match=rf"{path}: 1 problem\n  18:15  .*Found 8."):
        validator.check_output((None, 8), 10, "'mnist'")


@pytest.mark.parametrize(
    "top",
    [
        {
            "deep": layer("GlobalAveragePooling2D", "block1_pool"),
            "middle": layer("GlobalAveragePooling2D", "block1_conv1"),
            "both": layer("Concatenate", ["deep", "middle"]),
            "out": SOFTMAX,
        },
        {
            "steps": layer("Reshape", target_shape=[9, 4]),
            "look": layer("MultiHeadAttention", "steps", num_heads=2, key_dim=3),
            "read": layer("Bidirectional", "look", layer={"class_name": "LSTM", "config":
                {"units": 3}}),
            "out": SOFTMAX,
        },
        {
            "steps": layer("Reshape", target_shape=[9, 4]),
            "look": layer("Attention", ["steps", "steps"]),
            "each": layer("TimeDistributed", "look", layer={"class_name": "Dense", "config":
                {"units": 3, "kernel_regularizer": {"class_name": "L2"}}}),
            "flat": FLAT,
            "out": SOFTMAX,
        },
        {
            "gate": layer("Conv2D", filters=4, kernel_size=1, activation="sigmoid"),
            "gated": layer("Multiply", ["backbone", "gate"]),
            "flat": FLAT,
            "hidden": layer("Dense", "flat", units=3, kernel_regularizer={"class_name": "L1L2",
                "config": {"l1": 1e-4}}, kernel_initializer="he_normal"),
            "out": SOFTMAX,
        },
    ],
    ids=["two branches", "self-attention", "attention", "gate"],
)  # fmt: skip
def test_graphs_that_fit(top):
    assert build(top).output_shape == (None, 10)
