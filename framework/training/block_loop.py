"""The loop that trains a head whose batches are given to XLA in blocks.

It does what `fit` does, batch by batch and callback by callback. Keras's own loop starts a compiled
program for each batch, and several iterators of `tf.data` for each epoch, which with a dense top
takes longer than the steps themselves.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from framework.features.extractor import describe_graph
from framework.features.feature_sources import Features
from framework.features.model_split import unpack_single

Logs = dict[str, Any]
Block = tuple[Any, ...]
"""What the head takes of some images, their labels, and their weights if there are any."""


@dataclass(frozen=True)
class Blocks:
    """Features and labels in blocks, as a loss compares them.

    Args:
        features: What to train or to evaluate on.
        size: Images in a block; the last one may have fewer.
        classes: Their number, where the loss takes one-hot labels; else `None`.
        weights: Label -> weight of its images, if they are weighted.
    """

    features: Features
    size: int
    classes: int | None = None
    weights: Mapping[int, float] | None = None

    def stream(self, order: np.ndarray | None = None, view: int = 0) -> Iterator[Block]:
        """Yield blocks of images.

        Args:
            order: `(k,)` int64, which images, in this order; by default all, as they are.
            view: Which augmented set; 0 for the images as they are.
        """
        if order is None:
            order = np.arange(len(self.features.images))
        labels, first = self.features.images.labels[order], 0
        for arrays in self._rebatch(self.features.stream(order, view)):
            last = first + len(arrays[0])
            yield (unpack_single(arrays), *self._describe_labels(labels[first:last]))
            first = last

    def _rebatch(self, blocks: Iterable[list[np.ndarray]]) -> Iterator[list[np.ndarray]]:
        """Cut and join blocks of any size."""
        waiting: list[list[np.ndarray]] = []
        count = 0
        for block in blocks:
            waiting.append(block)
            count += len(block[0])
            if count < self.size:
                continue
            joined = [np.concatenate(parts) for parts in zip(*waiting, strict=True)]
            whole = count - count % self.size
            for first in range(0, whole, self.size):
                yield [array[first : first + self.size] for array in joined]
            waiting, count = [[array[whole:] for array in joined]], count - whole
        if count:
            yield [np.concatenate(parts) for parts in zip(*waiting, strict=True)]

    def _describe_labels(self, labels: np.ndarray) -> Iterator[np.ndarray]:
        """Yield labels as the loss takes them, and their weights if there are any."""
        yield labels if self.classes is None else np.eye(self.classes, dtype=np.float32)[labels]
        if self.weights is not None:
            yield np.array([self.weights.get(int(label), 1.0) for label in labels], np.float32)


class BlockProgram:
    """The compiled steps of a head, which all heads of the same structure share.

    Args:
        head: Compiled, with its loss, metrics and optimizer.
        batch_size: Images in a step of the optimizer.
    """

    def __init__(self, head: keras.Model, batch_size: int) -> None:
        self._head = head
        self._optimizer = head.optimizer
        self._batch_size = batch_size
        self._max_count = 0  # Batches in the largest block.
        self._train_batches = tf.function(self._train, jit_compile=True, autograph=False)
        # A last batch of an epoch with fewer images, which is not worth compiling.
        self._train_remainder = tf.function(head.train_step, autograph=False)
        self._test = tf.function(head.test_step, jit_compile=True, autograph=False)

    def can_train(self, head: keras.Model) -> bool:
        """Whether it can train another head: one that has no layers of its own.

        Its own must also be compiled as it was, with the same optimizer and metrics.
        """
        own = {id(variable) for variable in self._head.variables}
        is_apart = not any(id(variable) in own for variable in head.variables)
        return is_apart and self._head.optimizer is self._optimizer

    @contextmanager
    def lend(self, head: keras.Model) -> Iterator[None]:
        """Let the body train another head, and leave the program's own as it was."""
        kept = [] if head is self._head else [value.numpy() for value in _list_state(self._head)]
        try:
            yield
        finally:
            if kept:
                for value, variable in zip(kept, _list_state(self._head), strict=True):
                    variable.assign(value)

    def load(self, head: keras.Model) -> None:
        """Take over weights and the state of the optimizer from a head of the same structure."""
        _copy_state(head, self._head)

    def store(self, head: keras.Model) -> None:
        """Give weights and the state of the optimizer to a head of the same structure."""
        _copy_state(self._head, head)

    def reset_metrics(self) -> None:
        """Begin an epoch."""
        self._head.reset_metrics()

    def read_metrics(self) -> Logs:
        """Return the metrics of what was trained, or evaluated, as numbers."""
        return {name: float(value) for name, value in self._head.get_metrics_result().items()}

    def train(self, block: Block) -> Logs:
        """Train a step on each batch of a block; return the epoch's metrics so far."""
        block = keras.tree.map_structure(tf.constant, block)
        images = keras.tree.flatten(block)[0].shape[0]
        count, rest = divmod(images, self._batch_size)
        if not self._max_count:
            # The variables of optimizer and metrics: were they made while a step is traced,
            # TensorFlow would trace it twice.
            self._head._symbolic_build(data_batch=block)
        self._max_count = max(self._max_count, count, 1)
        logs: Logs = {}
        if count:
            whole = keras.tree.map_structure(lambda tensor: self._split(tensor, count), block)
            logs = self._train_batches(whole, tf.constant(count))
        if rest:
            batch = keras.tree.map_structure(lambda tensor: tensor[-rest:], block)
            logs = self._train_remainder(batch)
        return logs

    def evaluate(self, blocks: Iterable[Block]) -> Logs:
        """Return the metrics of all images."""
        self._head.reset_metrics()
        for block in blocks:
            self._test(keras.tree.map_structure(tf.constant, block))
        return self.read_metrics()

    def _train(self, batches: Any, count: tf.Tensor) -> Logs:
        def train(step: tf.Tensor) -> tuple[tf.Tensor]:
            batch = keras.tree.map_structure(lambda tensor: tensor[step], batches)
            self._head.train_step(batch)
            return (step + 1,)

        tf.while_loop(lambda step: step < count, train, [tf.constant(0)])
        logs: Logs = self._head.get_metrics_result()
        return logs

    def _split(self, block: tf.Tensor, count: int) -> tf.Tensor:
        """Return `(max_count, batch_size, ...)`: `count` batches, then zeros, which nothing reads.

        XLA compiles anew for every shape, so all have the same.
        """
        shape = (count, self._batch_size, *block.shape[1:])
        batches = tf.reshape(block[: count * self._batch_size], shape)
        padding = [[0, self._max_count - count], *[[0, 0]] * (len(shape) - 1)]
        return tf.pad(batches, padding)


def _list_state(model: keras.Model) -> list[keras.Variable]:
    """Return the variables of a model and of its optimizer."""
    model.optimizer.build(model.trainable_variables)
    return [*model.variables, *model.optimizer.variables]


def _copy_state(source: keras.Model, target: keras.Model) -> None:
    if source is not target:
        for value, variable in zip(_list_state(source), _list_state(target), strict=True):
            variable.value.assign(value.value)


_programs: OrderedDict[str, BlockProgram] = OrderedDict()
MAX_PROGRAMS = 4
"""Programs that are kept, the most recently used ones; each keeps its first head in memory."""


def find_program(head: keras.Model, batch_size: int, settings: object) -> BlockProgram:
    """Return the program of a head, which may be that of an earlier one of the same structure.

    Trials of a sweep thereby trace and compile their steps once.

    Args:
        head: Compiled.
        batch_size: Images in a step of the optimizer.
        settings: What else decides a step, such as the loss; its text says all of it.
    """
    optimizer = head.optimizer.get_config()
    del optimizer["name"]  # Keras numbers them.
    if not isinstance(optimizer.get("learning_rate"), Mapping):  # A variable, which is copied.
        optimizer.pop("learning_rate", None)
    trains = {id(variable) for variable in head.trainable_variables}
    described = [
        describe_graph(head),
        [id(variable) in trains for variable in head.variables],
        type(head.optimizer).__name__,
        optimizer,
        batch_size,
        settings,
    ]
    key = repr(described)
    if key not in _programs or not _programs[key].can_train(head):
        _programs[key] = BlockProgram(head, batch_size)
    _programs.move_to_end(key)
    while len(_programs) > MAX_PROGRAMS:
        _programs.popitem(last=False)
    return _programs[key]


def fit_blocks(
    head: keras.Model,
    program: BlockProgram,
    read_epoch: Callable[[int], Iterable[Block]],
    validation: Blocks,
    epochs: range,
    callbacks: Sequence[keras.callbacks.Callback],
) -> None:
    """Train a head as `fit` does.

    Args:
        head: Compiled; what the callbacks see.
        program: Its steps.
        read_epoch: Epoch -> its blocks.
        validation: What is evaluated after every epoch.
        epochs: Which epochs to train, counted from 0.
        callbacks: Called as by `fit`; a block is their batch.
    """
    events = keras.callbacks.CallbackList(
        list(callbacks), add_history=True, epochs=epochs.stop, model=head
    )
    head.stop_training = False
    events.on_train_begin()
    logs: Logs = {}
    with program.lend(head):
        for epoch in epochs:
            program.reset_metrics()
            events.on_epoch_begin(epoch)
            program.load(head)
            for number, block in enumerate(read_epoch(epoch)):
                events.on_train_batch_begin(number)
                events.on_train_batch_end(number, program.train(block))
                if head.stop_training:
                    break
            logs = program.read_metrics()
            program.store(head)
            events.on_test_begin()
            measured = program.evaluate(validation.stream())
            events.on_test_end(measured)
            logs |= {f"val_{name}": value for name, value in measured.items()}
            events.on_epoch_end(epoch, logs)
            if head.stop_training:
                break
    head.optimizer.finalize_variable_values(head.trainable_weights)
    events.on_train_end(logs)
