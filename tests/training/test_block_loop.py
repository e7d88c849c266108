"""Many steps as one program: what is learnt, and told, is what Keras's `fit` does step by step."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from framework.features.head import Head
from framework.training.block_loop import BlockProgram, Blocks, find_program, fit_blocks
from framework.utils.precision import use_precision

pytestmark = pytest.mark.long

IMAGES = 107  # Of 5 blocks of 24, the last one has 11: one batch of 8, and a rest of 3.


def build_dense():
    vector = keras.Input((6,))
    hidden = layers.BatchNormalization()(layers.Dense(16, activation="relu")(vector))
    return Head(vector, layers.Dense(3, activation="softmax")(hidden))


def build_branches():
    vectors = keras.Input((6,)), keras.Input((6,))
    merged = layers.Concatenate()([layers.Dense(4)(vector) for vector in vectors])
    return Head(vectors, layers.Dense(3, activation="softmax")(merged))


class Vectors:
    """Features in memory, given in pieces that have nothing to do with batches."""

    def __init__(self, arrays, labels):
        self.arrays = arrays
        self.images = labels.view(Labels)

    def stream(self, order, view=0):
        for first in range(0, len(order), 10):
            yield [array[order[first : first + 10]] for array in self.arrays]


class Labels(np.ndarray):
    """Images that have nothing but labels."""

    @property
    def labels(self):
        return np.asarray(self)


def draw_vectors(branches=1):
    random = np.random.default_rng(0)
    vectors = random.normal(size=(IMAGES, 6)).astype(np.float32)
    labels = random.integers(0, 3, IMAGES)
    return [vectors, -vectors][:branches], labels


def compile_head(build, blocks, rate=None, **optimizer):
    keras.utils.set_random_seed(0)
    model = build()
    schedule = rate or keras.optimizers.schedules.ExponentialDecay(0.01, 10, 0.9)
    model.compile(
        keras.optimizers.Adam(schedule, **optimizer),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        weighted_metrics=["accuracy"],
        jit_compile=blocks,
    )
    return model


def fit(build, batch_size, given, class_weight=None, optimizer=None, **options):
    """Trains two epochs; `given` images at once."""
    blocks = given > batch_size
    model = compile_head(build, blocks, **(optimizer or {}))
    arrays, labels = draw_vectors(len(model.inputs))
    if blocks:
        callback = keras.callbacks.History()
        features = Vectors(arrays, labels)
        training = Blocks(features, given, weights=class_weight)
        program = BlockProgram(model, batch_size)
        validation = Blocks(features, given)
        callbacks = [callback, *options.get("callbacks", [])]
        fit_blocks(model, program, lambda epoch: training.stream(), validation, range(2), callbacks)
        return model, callback.history
    inputs = tuple(arrays) if len(arrays) > 1 else arrays[0]
    data = tf.data.Dataset.from_tensor_slices((inputs, labels)).batch(given)
    history = model.fit(
        data, epochs=2, shuffle=False, verbose=0, validation_data=data,
        class_weight=class_weight, **options,
    )  # fmt: skip
    return model, history.history


@pytest.mark.parametrize(
    ("build", "options"),
    [
        (build_dense, {}),
        (build_branches, {}),
        (build_dense, {"class_weight": {0: 1.0, 1: 5.0, 2: 0.5}}),
        (build_dense, {"optimizer": {"use_ema": True, "ema_overwrite_frequency": 4}}),
        (build_dense, {"optimizer": {"gradient_accumulation_steps": 3}}),
        (build_dense, {"optimizer": {"clipnorm": 0.1}}),
    ],
    ids=["dense", "branches", "class weights", "moving averages", "accumulation", "clipped"],
)
def test_blocks_learn_what_single_batches_learn(build, options):
    (blocks, told), (single, expected) = (
        fit(build, 8, given, **dict(options)) for given in (24, 8)
    )
    assert int(blocks.optimizer.iterations) == int(single.optimizer.iterations) > 0
    for mine, theirs in zip(blocks.get_weights(), single.get_weights(), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-5)
    assert told.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(told[name], values, rtol=1e-4)


def test_fewer_images_than_a_batch_are_one_step():
    model, _ = fit(build_dense, 200, 400)
    assert int(model.optimizer.iterations) == 2


def test_blocks_have_the_same_bits_every_time():
    (first, _), (second, _) = (fit(build_dense, 8, 24) for _ in range(2))
    assert all(
        np.array_equal(a, b) for a, b in zip(first.get_weights(), second.get_weights(), strict=True)
    )


class Events(keras.callbacks.Callback):
    """Notes what it is told, but for single batches."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def on_train_begin(self, logs=None):
        self.seen.append("train begins")

    def on_epoch_begin(self, epoch, logs=None):
        self.seen.append(("epoch begins", epoch))

    def on_test_begin(self, logs=None):
        self.seen.append("test begins")

    def on_test_end(self, logs=None):
        self.seen.append(("test ends", sorted(logs)))

    def on_epoch_end(self, epoch, logs=None):
        self.seen.append(("epoch ends", epoch, sorted(logs)))
        self.model.stop_training = epoch == self.stop_after

    def on_train_end(self, logs=None):
        self.seen.append("train ends")

    stop_after = 5


@pytest.mark.parametrize("stop_after", [0, 5])
def test_callbacks_are_told_what_fit_tells_them(stop_after):
    told = []
    for given in (24, 8):
        events = Events()
        events.stop_after = stop_after
        fit(build_dense, 8, given, callbacks=[events])
        told.append(events.seen)
    assert told[0] == told[1]
    assert len(told[0]) == 2 + 4 * min(stop_after + 1, 2)


def test_one_hot_labels_are_those_of_the_classes():
    arrays, labels = draw_vectors()
    first, *_ = Blocks(Vectors(arrays, labels), 24, classes=3).stream(np.arange(IMAGES)[::-1])
    assert (first[1].argmax(axis=1) == labels[::-1][:24]).all()
    assert first[1].dtype == np.float32


def train_shared(rate, callbacks=(), **optimizer):
    """Trains a head of its own by a program that others may have made."""
    model = compile_head(build_dense, True, rate, **optimizer)
    features = Vectors(*draw_vectors())
    blocks = Blocks(features, 24)
    program = find_program(model, 8, "test")
    fit_blocks(model, program, lambda epoch: blocks.stream(), blocks, range(2), callbacks)
    return model, program


def test_heads_of_the_same_structure_share_their_steps_and_nothing_else():
    (slow, program), (fast, other) = train_shared(0.001), train_shared(0.01)
    assert program is other
    for model, rate in ((slow, 0.001), (fast, 0.01)):
        alone = compile_head(build_dense, True, rate)
        blocks = Blocks(Vectors(*draw_vectors()), 24)
        own = BlockProgram(alone, 8)
        fit_blocks(alone, own, lambda epoch, blocks=blocks: blocks.stream(), blocks, range(2), [])
        for mine, theirs in zip(model.get_weights(), alone.get_weights(), strict=True):
            np.testing.assert_array_equal(mine, theirs)
        assert int(model.optimizer.iterations) == int(alone.optimizer.iterations)


def test_a_head_that_is_compiled_anew_or_shares_layers_has_new_steps():
    model = compile_head(build_dense, True, 0.001)
    program = find_program(model, 8, "compiled anew")
    model.compile(keras.optimizers.Adam(0.001), "sparse_categorical_crossentropy", jit_compile=True)
    assert find_program(model, 8, "compiled anew") is not program
    other = Head(model.inputs, model.outputs)
    other.compile(keras.optimizers.Adam(0.001), "sparse_categorical_crossentropy", jit_compile=True)
    assert not program.can_train(other)


def test_heads_with_more_images_share_steps_with_those_with_fewer():
    arrays, labels = draw_vectors()
    weights = []
    for images in (9, IMAGES):
        model = compile_head(build_dense, True, 0.001)
        blocks = Blocks(Vectors([arrays[0][:images]], labels[:images]), 24)
        program = find_program(model, 8, "sizes")
        fit_blocks(model, program, lambda epoch, b=blocks: b.stream(), blocks, range(1), [])
        weights.append(model.get_weights())
    alone = compile_head(build_dense, True, 0.001)
    own = BlockProgram(alone, 8)
    fit_blocks(alone, own, lambda epoch: blocks.stream(), blocks, range(1), [])
    for mine, theirs in zip(weights[1], alone.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_a_head_whose_loss_is_scaled_has_steps_too():
    with use_precision("mixed_float16"):
        model = compile_head(build_dense, True, 0.001)
    assert type(model.optimizer).__name__ == "LossScaleOptimizer"
    blocks = Blocks(Vectors(*draw_vectors()), 24)
    program = find_program(model, 8, "scaled")
    before = model.get_weights()
    fit_blocks(model, program, lambda epoch: blocks.stream(), blocks, range(1), [])
    assert not np.array_equal(model.get_weights()[0], before[0])


def test_another_optimizer_has_steps_of_its_own():
    _, program = train_shared(0.001)
    assert train_shared(0.001, beta_1=0.5)[1] is not program
    schedule = keras.optimizers.schedules.ExponentialDecay(0.001, 10, 0.9)
    assert train_shared(schedule)[1] is not program


def test_a_callback_changes_the_rate_and_the_weights_of_a_head_that_shares_its_steps():
    train_shared(0.001)

    class Reset(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.optimizer.learning_rate = 0.0
            self.model.set_weights(self.initial)

    reset = Reset()
    reset.initial = compile_head(build_dense, True).get_weights()
    model, _ = train_shared(0.001, [reset])
    trained = [
        np.array_equal(a, b) for a, b in zip(model.get_weights(), reset.initial, strict=True)
    ]
    assert all(trained)
