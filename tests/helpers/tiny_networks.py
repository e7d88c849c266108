"""Tiny classifiers of every shape that can be split."""

from dataclasses import dataclass

import keras
from keras import layers


@dataclass(frozen=True)
class Network:
    model: keras.Model
    backbone_layers: set[str]


def _make_input() -> tuple[keras.KerasTensor, keras.KerasTensor]:
    image = keras.Input((8, 8, 3), name="image")
    reversed_channels = keras.ops.take(image, [2, 1, 0], axis=-1)
    return image, layers.Rescaling(1 / 127.5, offset=-1.0, name="preprocessing")(reversed_channels)


def _finish(image: keras.KerasTensor, backbone: keras.Model, *tapped: str) -> Network:
    """Freezes a backbone and builds a top on it that reads the tapped layers.

    Tanh and not ReLU, here and in the chain: drawn unluckily, a few ReLUs are zero for every image.
    """
    backbone.trainable = False
    flat = [layers.Flatten()(backbone.get_layer(name).output) for name in tapped]
    joined = layers.Concatenate()(flat) if len(flat) > 1 else flat[0]
    hidden = layers.Dense(5, activation="tanh")(layers.BatchNormalization()(joined))
    output = layers.Dense(3, activation="softmax")(hidden)
    names = [
        layer.name for layer in backbone.layers if layer.name not in {"image", "preprocessing"}
    ]
    return Network(keras.Model(image, output), names)


def make_chain(*tapped: str) -> Network:
    """Like VGG: convolutions in a row, in two blocks."""
    image, x = _make_input()
    for block in (1, 2):
        x = layers.Conv2D(4, 3, activation="tanh", name=f"block{block}_conv")(x)
        x = layers.MaxPooling2D(padding="same", name=f"block{block}_pool")(x)
    return _finish(image, keras.Model(image, x), *(tapped or ("block2_pool",)))


def make_residual() -> Network:
    """Like ResNet: two residual blocks with BatchNormalization, the first with a projection."""
    image, x = _make_input()
    for block, projected in ((1, True), (2, False)):
        shortcut = layers.Conv2D(4, 1, name=f"block{block}_0_conv")(x) if projected else x
        x = layers.Conv2D(4, 3, padding="same", name=f"block{block}_1_conv")(x)
        x = layers.BatchNormalization(name=f"block{block}_1_bn")(x)
        x = layers.ReLU(name=f"block{block}_1_relu")(x)
        x = layers.Conv2D(4, 3, padding="same", name=f"block{block}_2_conv")(x)
        x = layers.Add(name=f"block{block}_add")([shortcut, x])
        x = layers.ReLU(name=f"block{block}_out")(x)
    network = _finish(image, keras.Model(image, x), "block2_out")
    for layer in network.model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.moving_mean.assign(layer.moving_mean + 0.3)
            layer.moving_variance.assign(layer.moving_variance * 2.0)
    return network


def make_random() -> Network:
    """A backbone with dropout inside."""
    image, x = _make_input()
    x = layers.Conv2D(4, 3, name="conv")(x)
    x = layers.Dropout(0.5, name="dropout")(x)
    return _finish(image, keras.Model(image, x), "dropout")


def make_plain() -> Network:
    """No backbone: a small network of its own."""
    image, x = _make_input()
    x = layers.Flatten()(layers.Conv2D(4, 3)(x))
    return Network(keras.Model(image, layers.Dense(3, activation="softmax")(x)), set())
