import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from framework.features.head import Head
from framework.features.model_split import split_model
from framework.features.store_entry import FeatureSpec
from framework.training.block_loop import BlockProgram
from framework.training.execution import Execution, choose_execution

FAST = Execution(jit_compile=True, batches_per_block=50)
SPECS = [FeatureSpec((4, 4, 2), "float32")]


def choose(head, callbacks=(), specs=SPECS, batch_size=32):
    return choose_execution(head, callbacks, specs, batch_size)


def make_head(*middle: keras.Layer) -> keras.Model:
    network = keras.Sequential(
        [layers.Input((4, 4, 2)), *middle, layers.Flatten(), layers.Dense(3)]
    )
    return Head(network.inputs, network.outputs)


class CountBatches(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        """Counts."""


def test_a_dense_head_runs_many_compiled_steps_at_once():
    assert choose(make_head(layers.BatchNormalization())) == FAST


def test_blocks_of_batches_fit_in_memory():
    large = [FeatureSpec((14, 14, 512), "float32")]
    assert choose(make_head(), specs=large, batch_size=8) == Execution(True, 1, 5)
    assert choose(make_head(), specs=large, batch_size=32) == Execution(True, 50)


def test_a_head_that_draws_random_numbers_runs_many_steps_without_xla():
    assert choose(make_head(layers.Dropout(0.5))) == Execution(False, 50)


def test_xla_compiles_a_head_whose_kernels_are_repeatable(recwarn):
    """Keras alone would fall back to slow steps, with a warning."""
    tf.config.experimental.enable_op_determinism()
    weights = []
    for _ in range(2):
        keras.utils.set_random_seed(0)
        image = keras.Input((4, 4, 2))
        frozen = layers.Conv2D(3, 4, trainable=False, name="frozen")(image)
        hidden = layers.BatchNormalization()(layers.Dense(8)(layers.Flatten()(frozen)))
        head = split_model(keras.Model(image, layers.Dense(3)(hidden)), {"frozen"}).head
        head.compile("adam", "mse", jit_compile=True)
        random = np.random.default_rng(0)
        program = BlockProgram(head, 8)
        program.train((random.random((24, 1, 1, 3)), random.random((24, 3))))
        assert head.jit_compile is True
        weights.append(head.get_weights())
    assert all(np.array_equal(a, b) for a, b in zip(*weights, strict=True))
    assert not [warning for warning in recwarn if "jit_compile" in str(warning.message)]


@pytest.mark.parametrize("layer", [layers.Conv2D(2, 3), layers.SeparableConv2D(2, 3)])
def test_a_head_with_convolutions_runs_as_keras_runs_it(layer):
    assert choose(make_head(layer)) == Execution("auto", 1)


@pytest.mark.parametrize(
    ("callback", "execution"),
    [
        (keras.callbacks.EarlyStopping(), FAST),
        (keras.callbacks.ReduceLROnPlateau(), FAST),
        (keras.callbacks.ModelCheckpoint("best.keras"), FAST),
        (keras.callbacks.ModelCheckpoint("best.keras", save_freq=10), Execution(True)),
        (keras.callbacks.BackupAndRestore("backup"), FAST),
        (keras.callbacks.BackupAndRestore("backup", save_freq=10), Execution(True)),
        (keras.callbacks.TensorBoard("logs"), FAST),
        (keras.callbacks.TensorBoard("logs", update_freq="batch"), Execution(True)),
        (keras.callbacks.TerminateOnNaN(), Execution(True)),
        (CountBatches(), Execution(True)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_callbacks_keep_their_meaning(callback, execution):
    assert choose(make_head(), [callback]) == execution
