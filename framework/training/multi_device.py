"""Training on several devices of one machine, each of which gets its share of every batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, Literal

import keras
import tensorflow as tf

from framework.errors import RunError
from framework.features.head import Head
from framework.features.model_split import unpack_single


def find_devices(wanted: int | Literal["all"]) -> list[str]:
    """Find the devices to train on: GPUs, or processors where there is no GPU.

    Args:
        wanted: The config's `training_config.devices`.

    Raises:
        RunError: There are fewer than that.
    """
    kind = "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
    names = [device.name for device in tf.config.list_logical_devices(kind)]
    if wanted == "all":
        return names
    if wanted > len(names):
        raise RunError(
            f"training_config.devices: {wanted} are wanted, but TensorFlow finds "
            f'{len(names)} here: {", ".join(names)}. Ask for fewer, or for "all".'
        )
    return names[:wanted]


class MirroredHead(Head):
    """A head that trains on several devices as it would train on one.

    Keras averages the gradients of the devices as if they all had as many images, which
    those of a last batch that does not come out even have not.
    """

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Return the loss of this device's images, weighted by their share of the batch."""
        loss = super().compute_loss(x, y, y_pred, sample_weight, training)
        context = tf.distribute.get_replica_context()
        if context is None or not training:
            return loss
        mine = tf.cast(tf.shape(y)[0], loss.dtype)
        mean = context.all_reduce(tf.distribute.ReduceOp.MEAN, mine)
        share = mine / mean
        return share * loss + tf.stop_gradient((1 - share) * loss)

    def _maybe_symbolic_build(self, iterator: Any = None, data_batch: Any = None) -> None:
        # Keras looks at a batch by adding up the shares of all devices, which fails where
        # they differ in size; one share shows as much.
        for _, _, batches in iterator or ():
            shares = next(batches)
            data_batch = keras.tree.map_structure(
                lambda share: self.distribute_strategy.experimental_local_results(share)[0], shares
            )
            break
        super()._maybe_symbolic_build(data_batch=data_batch)


@contextmanager
def spread(head: keras.Model, devices: Sequence[str]) -> Iterator[keras.Model]:
    """Let the body compile and train a head on several devices.

    What is trained is a twin, whose weights the head has after every epoch (see
    `follow`) and at the end. So nothing but training knows of the devices, and whatever
    is computed with the head itself has the same bits as on one.

    Args:
        head: From features to the classifier's output.
        devices: Their names; of a single one nothing is made.

    Yields:
        The model to train.
    """
    if len(devices) == 1:
        yield head
        return
    with _make_strategy(tuple(devices)).scope():
        graph = keras.models.clone_model(head, clone_function=_clone_layer)
        twin = MirroredHead(unpack_single(graph.inputs), graph.output, name=head.name)
        twin.set_weights(head.get_weights())
        try:
            yield twin
        finally:
            head.set_weights(twin.get_weights())


# One for the life of the process: a second one would number its exchanges between devices
# anew, and TensorFlow take them for those of the first.
@cache
def _make_strategy(devices: tuple[str, ...]) -> tf.distribute.Strategy:
    return tf.distribute.MirroredStrategy(devices)


def follow(twin: keras.Model, head: keras.Model) -> list[keras.callbacks.Callback]:
    """Return the callback that copies a replica's weights to its head after each epoch.

    It goes before those that save the classifier to which the head belongs.
    """
    if twin is head:
        return []
    return [
        keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: head.set_weights(twin.get_weights())
        )
    ]


def _clone_layer(layer: keras.Layer) -> keras.Layer:
    config = layer.get_config()
    if isinstance(layer, keras.layers.BatchNormalization):
        config["synchronized"] = True  # Statistics are those of the whole batch.
    return type(layer).from_config(config)
