"""The head: the trained part of a classifier, which can take many small steps at once."""

from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf

Logs = dict[str, tf.Tensor]


class Head(keras.Model):
    """A model that XLA may compile although TensorFlow's kernels are repeatable.

    Keras forbids the combination because of a few kernels; XLA is only chosen for models
    without these, see `framework.training.execution`.

    Attributes:
        batch_size: Images in a step of the optimizer, where `fit` is given several batches
            as one and XLA compiles the model: their steps are then one program. Keras's own
            loop starts a compiled program for each step, which with a dense top takes longer
            than the step itself. `None`: what `fit` is given is one step, as in Keras.
    """

    batch_size: int | None = None
    train_function: Any
    _compiled_by_xla: bool | str = False  # Until `compile` says otherwise.

    @property
    def jit_compile(self) -> bool | str:
        """The argument of `compile`; `"auto"` counts as false."""
        return self._compiled_by_xla

    @jit_compile.setter
    def jit_compile(self, value: bool | str) -> None:
        self._compiled_by_xla = False if value == "auto" else value

    def make_train_function(self, force: bool = False) -> None:
        """Make the function that `fit` calls with its iterator; see `keras.Model`."""
        if self.batch_size is None:
            super().make_train_function(force)
        elif self.train_function is None or force:
            self.train_function = _make_block_function(self, self.batch_size)


def _make_block_function(model: Head, batch_size: int) -> Callable[[Iterator[Any]], Logs]:
    """Return a function that takes several batches as one, and trains a step on each."""

    @tf.function(jit_compile=True, autograph=False)
    def train_batches(batches: Any, count: tf.Tensor) -> Logs:
        def train(step: tf.Tensor) -> tuple[tf.Tensor]:
            model.train_step(keras.tree.map_structure(lambda tensor: tensor[step], batches))
            return (step + 1,)

        tf.while_loop(lambda step: step < count, train, [tf.constant(0)])
        logs: Logs = model.get_metrics_result()
        return logs

    # A last batch of an epoch with fewer images, which is not worth compiling.
    train_remainder = tf.function(model.train_step, autograph=False)
    max_count: int | None = None

    def train_block(iterator: Iterator[Any]) -> Logs:
        nonlocal max_count
        block = next(iterator)
        if max_count is None:
            # The variables of optimizer and metrics; made while it is traced, they would have
            # TensorFlow trace it twice.
            model._symbolic_build(data_batch=block)
        images = keras.tree.flatten(block)[0].shape[0]
        count, rest = divmod(images, batch_size)
        max_count = max_count or count  # The first block is the largest; others are padded.
        logs: Logs = {}
        if count:
            whole = keras.tree.map_structure(
                lambda tensor: _split(tensor, count, batch_size, max_count), block
            )
            logs = train_batches(whole, tf.constant(count))
        if rest:
            logs = train_remainder(keras.tree.map_structure(lambda tensor: tensor[-rest:], block))
        return logs

    return train_block


def _split(block: tf.Tensor, count: int, batch_size: int, max_count: int) -> tf.Tensor:
    """Return `(max_count, batch_size, ...)`: `count` batches, then zeros, which nothing reads.

    XLA compiles anew for every shape, so all have the same.
    """
    batches = tf.reshape(block[: count * batch_size], (count, batch_size, *block.shape[1:]))
    return tf.pad(batches, [[0, max_count - count], *[[0, 0]] * (len(batches.shape) - 1)])
