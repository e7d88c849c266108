"""Data-parallel training on several devices of one machine, with `MirroredStrategy`."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import keras
import tensorflow as tf

from framework.features.head import Head
from framework.features.model_split import unpack_single


class MirroredHead(Head):
    """A head that trains on several devices with the same gradients as on one.

    Keras averages the gradients of the devices as if they all had equally many images,
    which is wrong for the last batch of an epoch.
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
        # Keras reads the shapes from the sum of the devices' shares of a batch, which fails if
        # they differ in size. One share has the same shapes.
        for _, _, batches in iterator or ():
            shares = next(batches)
            data_batch = keras.tree.map_structure(
                lambda share: self.distribute_strategy.experimental_local_results(share)[0], shares
            )
            break
        super()._maybe_symbolic_build(data_batch=data_batch)


@contextmanager
def distribute(head: keras.Model, devices: Sequence[str]) -> Iterator[keras.Model]:
    """Let the body compile and train a head on several devices.

    A replica is trained, and its weights are copied to the head after every epoch (see
    `sync_weights`) and at the end. So only training depends on the devices, and whatever
    is computed with the head itself has the same bits as on one.

    Args:
        head: From features to the classifier's output.
        devices: Their names. With one device the head itself is trained.

    Yields:
        The model to train.
    """
    if len(devices) <= 1:
        yield head
        return
    with _make_strategy(tuple(devices)).scope():
        graph = keras.models.clone_model(head, clone_function=_clone_layer)
        replica = MirroredHead(unpack_single(graph.inputs), graph.output, name=head.name)
        replica.set_weights(head.get_weights())
        try:
            yield replica
        finally:
            head.set_weights(replica.get_weights())


# Cached for the life of the process: a second strategy would number its collective operations
# from the start again, and TensorFlow would take them for those of the first.
@cache
def _make_strategy(devices: tuple[str, ...]) -> tf.distribute.Strategy:
    return tf.distribute.MirroredStrategy(devices)


def sync_weights(replica: keras.Model, head: keras.Model) -> list[keras.callbacks.Callback]:
    """Return the callback that copies a replica's weights to its head after each epoch.

    It goes before those that save the classifier to which the head belongs.
    """
    if replica is head:
        return []
    return [
        keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: head.set_weights(replica.get_weights())
        )
    ]


def _clone_layer(layer: keras.Layer) -> keras.Layer:
    config = layer.get_config()
    if isinstance(layer, keras.layers.BatchNormalization):
        config["synchronized"] = True  # Statistics are those of the whole batch.
    return type(layer).from_config(config)
