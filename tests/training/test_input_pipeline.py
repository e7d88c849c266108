import keras
import numpy as np
import pytest
import tensorflow as tf

from framework.data.images import Images
from framework.data.source import ArraySource
from framework.errors import RunError
from framework.features.feature_sources import ImageFeatures
from framework.features.head import Head
from framework.training.input_pipeline import TrainingBatches, make_dataset, unwrap_errors


class NumberedFeatures(ImageFeatures):
    """An image's feature is its position plus a thousand times the view."""

    def stream(self, positions, view=0):
        for first in range(0, len(positions), 7):
            block = positions[first : first + 7]
            pixels = np.broadcast_to(
                (block + 1000 * view)[:, np.newaxis, np.newaxis, np.newaxis],
                (len(block), *self.images.shape),
            )
            yield [pixels.astype("float32")]


@pytest.fixture
def features() -> NumberedFeatures:
    source = ArraySource(np.zeros((50, 2, 2), np.uint8), np.arange(50) % 3)
    return NumberedFeatures(Images(source, np.arange(50), (2, 2, 1)))


class Recorder(keras.Model):
    """Keeps what each batch of each epoch held."""

    def __init__(self):
        super().__init__()
        self.scale = self.add_weight(shape=(), initializer="ones")
        self.batches = []

    def call(self, x):
        return x * self.scale

    def train_step(self, data):
        x, y = data
        self.batches.append((x.numpy()[:, 0, 0, 0].astype(int), y.numpy()))
        return {"loss": 0.0}


def record(features, views, epochs, initial_epoch=0, seed=0):
    """What `fit` sees: for each epoch the batches of positions + 1000 * view, and labels."""
    model = Recorder()
    model.compile(run_eagerly=True)
    batches = TrainingBatches(features, 16, views, seed)
    model.fit(
        batches.dataset,
        epochs=epochs,
        initial_epoch=initial_epoch,
        callbacks=[batches],
        verbose=0,
        shuffle=False,
    )
    return [model.batches[first : first + 4] for first in range(0, len(model.batches), 4)]


def test_batches_have_the_configured_size_and_cover_every_image_once(features):
    (epoch,) = record(features, views=1, epochs=1)
    assert [len(values) for values, _ in epoch] == [16, 16, 16, 2]
    values = np.concatenate([values for values, _ in epoch])
    assert sorted(values) == list(range(50))
    assert list(values) != list(range(50))
    np.testing.assert_array_equal(np.concatenate([labels for _, labels in epoch]), values % 3)


@pytest.mark.parametrize(
    ("views", "expected"), [(1, [0, 0, 0, 0]), (3, [0, 1, 2, 0]), ("fresh", [1, 2, 3, 4])]
)
def test_each_epoch_trains_on_its_view(features, views, expected):
    epochs = record(features, views, epochs=4)
    assert [{value // 1000 for values, _ in epoch for value in values} for epoch in epochs] == [
        {view} for view in expected
    ]


def test_the_order_depends_on_seed_and_epoch_alone(features):
    def flatten(epochs):
        return [np.concatenate([values for values, _ in epoch]).tolist() for epoch in epochs]

    whole = flatten(record(features, 2, epochs=4))
    assert len({tuple(value % 1000 for value in epoch) for epoch in whole}) == 4
    assert flatten(record(features, 2, epochs=4)) == whole
    assert flatten(record(features, 2, epochs=4, initial_epoch=2)) == whole[2:]
    assert flatten(record(features, 2, epochs=4, seed=1)) != whole


def test_keras_knows_the_number_of_batches(features):
    assert TrainingBatches(features, 16, 1, 0).dataset.cardinality() == 4


def test_evaluation_keeps_the_order_of_the_images(features):
    batches = list(make_dataset(features, 20, view=2).as_numpy_iterator())
    values = np.concatenate([values[:, 0, 0, 0] for values, _ in batches])
    np.testing.assert_array_equal(values, 2000 + np.arange(50))
    np.testing.assert_array_equal(
        np.concatenate([labels for _, labels in batches]), np.arange(50) % 3
    )


class BrokenFeatures(NumberedFeatures):
    """The third block cannot be read."""

    def stream(self, positions, view=0):
        blocks = super().stream(positions, view)
        yield next(blocks)
        yield next(blocks)
        raise RunError("image 7.png: cannot be read:\nbroken. Remove it.")


@pytest.mark.parametrize("broken", ["training", "validation"])
def test_what_goes_wrong_in_a_feed_is_told_as_it_was(features, broken):
    bad = BrokenFeatures(features.images)
    batches = TrainingBatches(bad if broken == "training" else features, 8, views=1, seed=0)
    validation = make_dataset(bad if broken == "validation" else features, 8)
    image = keras.Input(features.images.shape)
    model = Head(image, keras.layers.Dense(3)(keras.layers.Flatten()(image)))
    model.batch_size = 4
    model.compile(
        "sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=True
    )
    with (
        pytest.raises(RunError, match=r"^image 7.png: cannot be read:\nbroken. Remove it.$"),
        unwrap_errors(),
    ):
        model.fit(batches.dataset, validation_data=validation, verbose=0, shuffle=False)


def test_other_errors_stay_what_they_are(features):
    with pytest.raises(tf.errors.InvalidArgumentError), unwrap_errors():
        tf.debugging.assert_equal(1, 2)
