"""The likely intention behind a name: case, synonyms, misspellings."""

import pytest

from framework.config.catalog import list_names
from framework.config.suggestions import measure_distance, suggest_name


@pytest.mark.parametrize(
    ("kind", "found", "meant"),
    [
        ("backbones", "VGG61", "VGG16"),
        ("backbones", "vgg-19", "VGG19"),
        ("backbones", "resnet_50_v2", "ResNet50V2"),
        ("backbones", "efficientnet-b0", "EfficientNetB0"),
        ("backbones", "efficientnet", "EfficientNetB0"),
        ("backbones", "AlexNet", None),
        ("layers", "dense", "Dense"),
        ("layers", "Dens", "Dense"),
        ("layers", "BatchNorm", "BatchNormalization"),
        ("layers", "conv2d", "Conv2D"),
        ("layers", "Linear", "Dense"),
        ("layers", "x" * 1000, None),
        ("activations", "relU", "relu"),
        ("activations", "leakyrelu", "leaky_relu"),
        ("losses", "SparseCategoricalCrossEntropy", "SparseCategoricalCrossentropy"),
        ("losses", "sparse_categorical_cross_entropy", "sparse_categorical_crossentropy"),
        ("losses", "mse", "mean_squared_error"),
        ("metrics", "f1", "f1_score"),
        ("optimizers", "rmsprop", "RMSprop"),
        ("callbacks", "EarlyStop", "EarlyStopping"),
    ],
)
def test_suggestions(kind, found, meant):
    assert suggest_name(found, list_names(kind)) == meant


def test_a_synonym_counts_only_where_its_meaning_exists():
    assert suggest_name("lr", ["learning_rate", "beta_1"]) == "learning_rate"
    assert suggest_name("lr", ["rate", "seed"]) is None
    assert suggest_name("dropout", ["rate", "seed"]) == "rate"


@pytest.mark.parametrize(
    ("a", "b", "errors"),
    [("", "", 0), ("vgg16", "vgg61", 1), ("abc", "ac", 1), ("abc", "axc", 1), ("", "abc", 3)],
)
def test_distance_counts_an_exchange_as_one_error(a, b, errors):
    assert measure_distance(a, b) == measure_distance(b, a) == errors
