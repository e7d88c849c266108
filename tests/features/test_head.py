"""Many steps as one program: what is learnt is what Keras learns step by step."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from framework.features.head import Head

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


def fit(build, batch_size, given, **options):
    """Trains two epochs; `given` images at once."""
    keras.utils.set_random_seed(0)
    model = build()
    model.batch_size = batch_size if given > batch_size else None
    schedule = keras.optimizers.schedules.ExponentialDecay(0.01, 10, 0.9)
    model.compile(
        keras.optimizers.Adam(schedule, **options.pop("optimizer", {})),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        weighted_metrics=["accuracy"],
        jit_compile=given > batch_size,
    )
    random = np.random.default_rng(0)
    vectors = random.normal(size=(IMAGES, 6)).astype(np.float32)
    labels = random.integers(0, 3, IMAGES)
    inputs = (vectors, -vectors) if len(model.inputs) > 1 else vectors
    data = tf.data.Dataset.from_tensor_slices((inputs, labels)).batch(given)
    history = model.fit(data, epochs=2, shuffle=False, verbose=0, **options)
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
