"""`tf.data` pipelines of features and labels, to train and to evaluate on."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf

from framework.errors import RunError
from framework.features.feature_sources import Features
from framework.features.model_split import unpack_single


class TrainingBatches(keras.callbacks.Callback):
    """Training batches, different in each epoch and the same in each run.

    Which batches an epoch has depends on the seed and the epoch's number alone, so
    that a resumed run has the batches it would have had. It must be among the callbacks
    of `fit`, to know the epoch.

    Args:
        features: What to train on.
        batch_size: Images in a batch; the last batch of an epoch may have fewer.
        views: `K`: epoch `e` trains on view `e mod K`. `"fresh"`: on view `e + 1`,
            which no other epoch sees.
        seed: Fixes the order of the images.

    Attributes:
        dataset: For `fit`; one pass is one epoch of `(features, labels)`.
    """

    def __init__(
        self,
        features: Features,
        batch_size: int,
        views: int | Literal["fresh"],
        seed: int,
    ) -> None:
        super().__init__()
        self._features = features
        self._views = views
        self._seed = seed
        self._epoch = 0
        self.dataset = _batch(features, self._stream_epoch, batch_size)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Choose the batches of the epoch."""
        self._epoch = epoch

    def _stream_epoch(self) -> Iterator[tuple[Any, np.ndarray]]:
        order = draw_epoch(self._epoch, len(self._features.images), self._views, self._seed)
        return _stream(self._features, *order)


def draw_epoch(
    epoch: int, images: int, views: int | Literal["fresh"], seed: int
) -> tuple[np.ndarray, int]:
    """Return the order of an epoch's images, `(images,)` int64, and the view that they are in.

    Args:
        epoch: Counted from 0.
        images: Their number.
        views: As `TrainingBatches` takes it.
        seed: Fixes the order.
    """
    order = np.random.default_rng([seed, epoch]).permutation(images)
    return order, epoch + 1 if views == "fresh" else epoch % views


def make_dataset(features: Features, batch_size: int, view: int = 0) -> tf.data.Dataset:
    """Return batches of `(features, labels)` in the order of the images, to evaluate on.

    Args:
        features: What to evaluate on.
        batch_size: Images in a batch.
        view: Which augmented set; 0 for the images as they are.

    Returns:
        Batches of what the head takes, and `(k,)` int64 labels.
    """
    order = np.arange(len(features.images))
    return _batch(features, lambda: _stream(features, order, view), batch_size)


def _stream(features: Features, order: np.ndarray, view: int) -> Iterator[tuple[Any, np.ndarray]]:
    """Yield blocks of features with their labels, in the given order."""
    labels = features.images.labels[order]
    first = 0
    for block in features.stream(order, view):
        last = first + len(block[0])
        yield unpack_single(block), labels[first:last]
        first = last


def _batch(features: Features, stream: Any, batch_size: int) -> tf.data.Dataset:
    """Cut blocks into batches, in TensorFlow."""
    specs = [tf.TensorSpec((None, *spec.shape), spec.dtype) for spec in features.specs]
    labels = tf.TensorSpec((None,), features.images.labels.dtype)
    blocks = tf.data.Dataset.from_generator(stream, output_signature=(unpack_single(specs), labels))
    # The next batches are read while one is used.
    batches = blocks.prefetch(1).rebatch(batch_size).prefetch(2)
    count = -(-len(features.images) // batch_size)
    batches = batches.apply(tf.data.experimental.assert_cardinality(count))
    options = tf.data.Options()
    # Its search for better buffers slows some epochs down to half their speed.
    options.autotune.enabled = False
    # Where several devices train, each batch is shared among them, not the images as a whole.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    return batches.with_options(options)


@contextmanager
def unwrap_errors() -> Iterator[None]:
    """Raise what went wrong while a dataset was read, which tf.data only quotes.

    Raises:
        RunError: As it was raised by the features.
    """
    try:
        yield
    except tf.errors.OpError as error:
        quoted = re.search(rf"{RunError.__name__}: (.*?)\n+Traceback", error.message, re.DOTALL)
        if quoted is None:
            raise
        raise RunError(quoted[1]) from error
