"""Which layers of a backbone train."""

from collections.abc import Sequence

import keras


def freeze_layers(layers: Sequence[keras.Layer], trainable: str) -> None:
    """Freeze a backbone, except for the layers that train from the start.

    Those train as a whole, `BatchNormalization` included: with random weights its
    statistics are still to be learned.

    Args:
        layers: The backbone's, from the input up.
        trainable: `"none"`, `"all"`, or the name of the lowest layer that trains.
    """
    trains = trainable == "all"
    for layer in layers:
        trains = trains or layer.name == trainable
        layer.trainable = trains


def unfreeze_layers(layers: Sequence[keras.Layer], lowest: str) -> None:
    """Unfreeze a backbone's upper layers for fine-tuning.

    `BatchNormalization` stays frozen, so that in Keras it also runs in inference mode:
    a few small batches would spoil the statistics that fit the pretrained weights.
    Source: Keras's guide to transfer learning.

    Args:
        layers: The backbone's, from the input up. Those that train already stay trainable.
        lowest: The name of the lowest layer to unfreeze.
    """
    unfrozen = False
    for layer in layers:
        unfrozen = unfrozen or layer.name == lowest
        if not unfrozen or layer.trainable:
            continue
        layer.trainable = True
        for inner in layer._flatten_layers():  # The layer itself, or those in a block.
            if isinstance(inner, keras.layers.BatchNormalization):
                inner.trainable = False
