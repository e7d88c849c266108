from __future__ import annotations

from dataclasses import asdict

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from framework.features.cut import Head, find_cut
from framework.training.execution import Execution, choose_execution

FAST = Execution(jit_compile=True, steps_per_execution=50)


def make_head(*middle: keras.Layer) -> keras.Model:
    network = keras.Sequential(
        [layers.Input((4, 4, 2)), *middle, layers.Flatten(), layers.Dense(3)]
    )
    return Head(network.inputs, network.outputs)


class CountBatches(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        """Counts."""


def test_a_dense_head_runs_many_compiled_steps_at_once():
    assert choose_execution(make_head(layers.BatchNormalization()), []) == FAST


def test_a_head_that_draws_random_numbers_runs_many_steps_without_xla():
    assert choose_execution(make_head(layers.Dropout(0.5)), []) == Execution(False, 50)


def test_xla_compiles_a_head_whose_kernels_are_repeatable(recwarn):
    """Keras alone would fall back to slow steps, with a warning, and say no more."""
    tf.config.experimental.enable_op_determinism()
    weights = []
    for _ in range(2):
        keras.utils.set_random_seed(0)
        image = keras.Input((4, 4, 2))
        frozen = layers.Conv2D(3, 4, trainable=False, name="frozen")(image)
        hidden = layers.BatchNormalization()(layers.Dense(8)(layers.Flatten()(frozen)))
        head = find_cut(keras.Model(image, layers.Dense(3)(hidden)), {"frozen"}).head
        execution = choose_execution(head, [])
        head.compile("adam", "mse", **asdict(execution))
        random = np.random.default_rng(0)
        head.fit(random.random((64, 1, 1, 3)), random.random((64, 3)), verbose=0)
        assert head.jit_compile is True
        weights.append(head.get_weights())
    assert all(np.array_equal(a, b) for a, b in zip(*weights, strict=True))
    assert not [warning for warning in recwarn if "jit_compile" in str(warning.message)]


@pytest.mark.parametrize("layer", [layers.Conv2D(2, 3), layers.SeparableConv2D(2, 3)])
def test_a_head_with_convolutions_runs_as_keras_runs_it(layer):
    assert choose_execution(make_head(layer), []) == Execution("auto", 1)


@pytest.mark.parametrize(
    ("callback", "steps"),
    [
        (keras.callbacks.EarlyStopping(), 50),
        (keras.callbacks.ReduceLROnPlateau(), 50),
        (keras.callbacks.ModelCheckpoint("best.keras"), 50),
        (keras.callbacks.ModelCheckpoint("best.keras", save_freq=10), 1),
        (keras.callbacks.BackupAndRestore("backup"), 50),
        (keras.callbacks.BackupAndRestore("backup", save_freq=10), 1),
        (keras.callbacks.TensorBoard("logs"), 50),
        (keras.callbacks.TensorBoard("logs", update_freq="batch"), 1),
        (keras.callbacks.TerminateOnNaN(), 1),
        (CountBatches(), 1),
    ],
    ids=lambda value: type(value).__name__,
)
def test_callbacks_keep_their_meaning(callback, steps):
    assert choose_execution(make_head(), [callback]).steps_per_execution == steps
