"""Which layers of a backbone train."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import keras

from framework.config.model import FineTuning
from framework.config.source_map import SourceMap
from framework.errors import ConfigError


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


def check_split_point(
    trainable: str,
    fine_tuning: FineTuning | None,
    layer_names: Collection[str],
    source_map: SourceMap,
) -> None:
    """Make sure that the layers that a config wants to train are part of its network.

    Args:
        trainable: `"none"`, `"all"`, or the name of the lowest layer that trains.
        fine_tuning: May name the lowest layer to unfreeze.
        layer_names: The backbone layers that the top reads, directly or not.
        source_map: Where the config's values were written.

    Raises:
        ConfigError: The top reads nothing of such a layer.
    """
    wanted: dict[tuple[str, ...], str] = {("model_configuration", "trainable"): trainable}
    if fine_tuning is not None:
        wanted["training_config", "fine_tuning", "unfreeze_from"] = fine_tuning.unfreeze_from
    problems = [
        source_map.make_problem(
            path,
            f"expected a layer that the top reads from, or one below. Found {name!r}, which no "
            "layer of the top depends on.",
        )
        for path, name in wanted.items()
        if name not in ("none", "all", *layer_names)
    ]
    if problems:
        raise ConfigError(problems)


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
        if unfrozen and not isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = True
