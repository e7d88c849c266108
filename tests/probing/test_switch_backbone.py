"""What becomes of weights and preprocessing when a probe compares backbones."""

import pytest

from framework.config.model import ModelConfiguration, Weights
from framework.probing.best_config import switch_backbone


@pytest.mark.parametrize(
    ("first", "weights", "second", "expected"),
    [
        ("VGG16", "imagenet", "ResNet50", "imagenet"),
        ("VGG16", None, "mine.keras", None),
        ("VGG16", "imagenet", "mine.keras", "mine.keras"),
        ("mine.keras", "mine.keras", "VGG16", "imagenet"),
        ("mine.keras", "mine.keras", "other.keras", "other.keras"),
    ],
)
def test_a_pretrained_backbone_is_switched_for_a_pretrained_one(first, weights, second, expected):
    model = ModelConfiguration(first, {}, Weights(weights), preprocessing="caffe")
    switched = switch_backbone(model, second)
    assert (switched.model_name, switched.weights.name) == (second, expected)
    assert switched.preprocessing is None
