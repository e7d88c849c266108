"""A top that reads only the lower part of a backbone, and what of that may train."""

import pytest

from framework.config import resolve_config
from framework.errors import ConfigError
from framework.models.backbones import build_backbone
from framework.models.classifier import build_classifier
from framework.models.freezing import freeze_layers


def make_config(**model):
    return resolve_config(
        {
            "training_config": {},
            "data_config": {"dataset": {"name": "npz", "path": "two.npz"}},
            "model_configuration": {
                "model_name": "VGG16",
                "weights": None,
                "model_top_config": {
                    "pool": {"layer_type": "GlobalAveragePooling2D", "input_layer": "block2_pool"},
                    "answer": {
                        "layer_type": "Dense",
                        "initializing_parameters": {"units": 2, "activation": "softmax"},
                    },
                },
                **model,
            },
        }
    )


@pytest.fixture(scope="module")
def backbone():
    return build_backbone("VGG16", (32, 32, 3))


def test_the_classifier_ends_where_the_top_stops_reading(backbone):
    classifier = build_classifier(make_config(), backbone, ("a", "b"))

    assert classifier.backbone_layers[-1] == "block2_pool"
    assert len(classifier.fingerprint_backbone()) == 64
    assert classifier.count_parameters()["total"] < 300_000


def test_layers_that_the_top_does_not_read_can_not_train(backbone):
    with pytest.raises(ConfigError, match=r"trainable: .*Found 'block3_conv1', which no layer"):
        build_classifier(make_config(trainable="block3_conv1"), backbone, ("a", "b"))


@pytest.mark.parametrize(
    ("trainable", "trained"),
    [
        ("none", []),
        ("block5_conv2", ["block5_conv2", "block5_conv3"]),
        ("all", [f"block{b}_conv{c}" for b in range(1, 6) for c in range(1, 3 + (b > 2))]),
    ],
)
def test_layers_train_from_the_named_one_up(backbone, trainable, trained):
    freeze_layers(backbone.layers, trainable)

    assert [layer.name for layer in backbone.layers if layer.trainable_weights] == trained
