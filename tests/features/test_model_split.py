import keras
import numpy as np
import pytest

from framework.features.model_split import split_model
from tests.helpers import tiny_networks


def unfreeze(network: tiny_networks.Network, *names: str) -> tiny_networks.Network:
    for name in names:
        network.model.get_layer(name).trainable = True
    return network


CASES = {
    "chain": (tiny_networks.make_chain, (), ("block2_pool",)),
    "chain, upper block trains": (tiny_networks.make_chain, ("block2_conv",), ("block1_pool",)),
    "two taps": (
        lambda: tiny_networks.make_chain("block1_pool", "block2_pool"),
        (),
        ("block1_pool", "block2_pool"),
    ),
    "tap below what trains": (
        lambda: tiny_networks.make_chain("block1_conv", "block2_pool"),
        ("block2_conv",),
        ("block1_conv", "block1_pool"),
    ),
    "residual": (tiny_networks.make_residual, (), ("block2_out",)),
    "residual, last convolution trains": (
        tiny_networks.make_residual,
        ("block2_2_conv",),
        ("block1_out", "block2_1_relu"),
    ),
    "residual, upper block trains": (
        tiny_networks.make_residual,
        ("block2_1_conv", "block2_2_conv"),
        ("block1_out",),
    ),
    "residual, projection trains": (
        tiny_networks.make_residual,
        ("block1_0_conv",),
        ("preprocessing", "block1_2_conv"),
    ),
    "frozen BatchNormalization above": (
        tiny_networks.make_residual,
        ("block1_1_conv",),
        ("preprocessing", "block1_0_conv"),
    ),
    "dropout": (tiny_networks.make_random, (), ("dropout",)),
}


# Not one of each class: among uniform answers those would leave even the biases where they are.
LABELS = np.array([0, 1, 0, 0, 1, 0])


@pytest.fixture
def pixels() -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 255, (6, 8, 8, 3)).astype("float32")


@pytest.mark.parametrize("name", CASES)
class TestSplit:
    def split(self, name):
        make, unfrozen, crossing = CASES[name]
        network = unfreeze(make(), *unfrozen)
        return network, split_model(network.model, network.backbone_layers), crossing

    def test_crosses_at_the_deepest_frozen_layers(self, name):
        _, split, crossing = self.split(name)
        assert split.layers == crossing

    def test_features_then_head_equal_the_whole_model(self, name, pixels):
        network, split, _ = self.split(name)
        features = split.extractor(pixels, training=False)
        np.testing.assert_allclose(split.head(features), network.model(pixels), rtol=1e-5)

    def test_what_trains_is_the_same(self, name):
        network, split, _ = self.split(name)
        assert [id(weight) for weight in split.head.trainable_variables] == [
            id(weight) for weight in network.model.trainable_variables
        ]
        assert not split.extractor.trainable_variables

    def test_training_the_head_trains_the_classifier(self, name, pixels):
        network, split, _ = self.split(name)
        frozen = [weight.numpy() for weight in split.extractor.weights]
        before = network.model(pixels).numpy()
        split.head.compile("sgd", "sparse_categorical_crossentropy")
        features = split.extractor(pixels, training=False)
        split.head.train_on_batch(features, LABELS)
        assert np.abs(network.model(pixels) - before).max() > 0
        np.testing.assert_allclose(
            split.head(split.extractor(pixels, training=False)), network.model(pixels), rtol=1e-5
        )
        for weight, was in zip(split.extractor.weights, frozen, strict=True):
            np.testing.assert_array_equal(weight, was)

    def test_the_classifier_still_saves_and_loads(self, name, pixels, tmp_path):
        network, _, _ = self.split(name)
        network.model.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        np.testing.assert_array_equal(loaded(pixels), network.model(pixels))


def test_frozen_batch_normalization_in_the_head_keeps_its_statistics(pixels):
    network = unfreeze(tiny_networks.make_residual(), "block1_1_conv")
    split = split_model(network.model, network.backbone_layers)
    layer = network.model.get_layer("block1_1_bn")
    before = layer.moving_mean.numpy()
    split.head.compile("sgd", "sparse_categorical_crossentropy")
    split.head.train_on_batch(split.extractor(pixels, training=False), LABELS)
    np.testing.assert_array_equal(layer.moving_mean, before)


@pytest.mark.parametrize("unfrozen", ["everything", "the lowest layer", "no backbone"])
def test_nothing_is_cut_where_nothing_is_frozen(unfrozen):
    network = (
        tiny_networks.make_plain() if unfrozen == "no backbone" else tiny_networks.make_chain()
    )
    if unfrozen == "everything":
        for layer in network.model.layers:
            layer.trainable = True
    if unfrozen == "the lowest layer":
        unfreeze(network, "block1_conv")
    split = split_model(network.model, network.backbone_layers)
    assert split.layers == ()
    assert split.extractor is None
    assert split.head is network.model
