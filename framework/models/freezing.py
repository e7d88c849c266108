"""Which layers of a backbone train."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import keras

from framework.config.model import Config
from framework.errors import ConfigError, Problem


def freeze_layers(layers: Sequence[keras.Layer], trainable: str) -> None:
    """Freeze a backbone but for what trains from the start.

    Layers that train from the start train whole, `BatchNormalization` included:
    with random weights its statistics have yet to be learnt.

    Args:
        layers: The backbone's, from the image up.
        trainable: `"none"`, `"all"`, or the name of the lowest layer that trains.
    """
    trains = trainable == "all"
    for layer in layers:
        trains = trains or layer.name == trainable
        layer.trainable = trains


def check_split_point(config: Config, layer_names: Collection[str]) -> None:
    """Make sure that what a config wants to train is part of its network.

    Args:
        config: May name a lowest layer to train, or to fine-tune from.
        layer_names: The backbone layers that the top reads, directly or not.

    Raises:
        ConfigError: The top reads nothing of the layer.
    """
    tuning = config.training_config.fine_tuning
    wanted: dict[tuple[str, ...], str] = {
        ("model_configuration", "trainable"): config.model_configuration.trainable
    }
    if tuning is not None:
        wanted["training_config", "fine_tuning", "unfreeze_from"] = tuning.unfreeze_from
    problems = [
        _make_problem(
            config,
            path,
            f"expected a layer that the top reads from, or one below. Found {name!r}, which no "
            "layer of the top depends on.",
        )
        for path, name in wanted.items()
        if name not in ("none", "all", *layer_names)
    ]
    if problems:
        raise ConfigError(problems)


def _make_problem(config: Config, path: tuple[str, ...], message: str) -> Problem:
    if config.origin is None:
        return Problem(".".join(path), message)
    return config.origin.make_problem(path, message)


def unfreeze_layers(layers: Sequence[keras.Layer], lowest: str) -> None:
    """Let a backbone's upper layers train, for fine-tuning.

    `BatchNormalization` stays frozen, which in Keras means that it also runs in
    inference mode: its statistics fit the weights that are fine-tuned, and a few
    small batches would spoil them. Source: Keras's guide to transfer learning.

    Args:
        layers: The backbone's, from the image up. Those that train already go on doing so.
        lowest: The name of the lowest layer to unfreeze.
    """
    unfrozen = False
    for layer in layers:
        unfrozen = unfrozen or layer.name == lowest
        if unfrozen and not isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = True
