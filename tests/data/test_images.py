"""From a source's image to the network's input, and the splits of a data set."""

import numpy as np
import pytest
from PIL import Image

from framework.config.model import DataConfig, DatasetConfig, ImageShape, Limit, Resize
from framework.data.augmentation import Augmentation
from framework.data.images import Images, match_channels, prepare_image
from framework.data.registry import read_dataset
from framework.data.source import ArraySource
from framework.data.splits import split_dataset
from framework.errors import RunError


def test_stretching_takes_the_whole_image():
    image = np.repeat([[0, 255]], 4, axis=0).repeat(4, axis=1).astype(np.uint8)

    pixels = prepare_image(image, (2, 2, 1), Resize("nearest", "stretch"))

    assert pixels[..., 0].tolist() == [[0, 255], [0, 255]]


def test_cropping_takes_the_middle():
    image = np.array([[1, 2, 3, 4, 5, 6]] * 2, np.uint8)

    assert prepare_image(image, (2, 2, 1), Resize("nearest", "crop"))[0, :, 0].tolist() == [3, 4]


def test_padding_keeps_the_proportions():
    image = np.full((2, 6), 9, np.uint8)

    pixels = prepare_image(image, (6, 6, 1), Resize("nearest", "pad"))[..., 0]

    assert pixels[2:4].min() == 9
    assert pixels[:2].max() == pixels[4:].max() == 0


@pytest.mark.parametrize("method", ["bilinear", "nearest", "bicubic", "lanczos"])
def test_every_method_resizes_as_pillow_does(method):
    image = np.random.default_rng(0).integers(0, 256, (7, 9), dtype=np.uint8)
    expected = Image.fromarray(image).resize((4, 5), Image.Resampling[method.upper()])

    pixels = prepare_image(image, (5, 4, 1), Resize(method))

    assert np.array_equal(pixels[..., 0], np.asarray(expected))


def test_color_becomes_gray_and_gray_becomes_color():
    red = np.zeros((2, 2, 3), np.uint8)
    red[..., 0] = 255
    gray = np.full((1, 2, 2, 1), 7, np.uint8)

    # Source: ITU-R 601-2, as Pillow converts to L: 0.299 red.
    assert prepare_image(red, (2, 2, 1), Resize()).tolist() == [[[76]] * 2] * 2
    assert match_channels(gray, 3).shape == (1, 2, 2, 3)


def test_gray_and_color_images_become_one_batch():
    class Mixed:
        labels = np.array([0, 1])
        fingerprint = "mixed"

        def read(self, indices):
            images = (np.full((3, 3), 10, np.uint8), np.full((5, 4, 3), 20, np.uint8))
            return [images[index] for index in indices]

    images = Images(Mixed(), np.array([0, 1]), (2, 2, 3)).read(np.array([1, 0]))

    assert images.shape == (2, 2, 2, 3)
    assert images.dtype == np.float32
    assert images[:, 0, 0].tolist() == [[20] * 3, [10] * 3]


@pytest.fixture
def augmented():
    random = np.random.default_rng(1)
    source = ArraySource(random.integers(0, 256, (9, 8, 8), dtype=np.uint8), np.zeros(9, np.int64))
    augmentation = Augmentation({"rotation_range": 40, "width_shift_range": 0.2}, seed=5)
    return Images(source, np.arange(9), (8, 8, 3), augmentation=augmentation)


def test_an_augmented_image_does_not_depend_on_others(augmented):
    together = augmented.read(np.arange(9), view=2)

    assert np.array_equal(augmented.read(np.array([7, 3]), view=2), together[[7, 3]])
    assert not np.array_equal(augmented.read(np.arange(9), view=1), together)
    assert np.array_equal(together[..., 0], together[..., 2])


def test_view_0_is_not_augmented(augmented):
    plain = augmented.read(np.arange(9))

    assert np.array_equal(plain[..., 1], augmented.source.images)


def test_augmentation_does_not_change_numpy_s_global_state(augmented):
    np.random.seed(3)
    expected = np.random.rand()
    np.random.seed(3)
    augmented.read(np.arange(9), view=1)

    assert np.random.rand() == expected


@pytest.mark.parametrize(
    "arguments",
    [
        {"brightness_range": [0.2, 2.0]},
        {"channel_shift_range": 80.0},
        {"zoom_range": [0.5, 1.5], "fill_mode": "reflect"},
        {"width_shift_range": [-2, 0, 2]},
        {"shear_range": 20, "cval": 300.0, "fill_mode": "constant"},
    ],
)
def test_augmented_pixels_stay_in_range(augmented, arguments):
    augmentation = Augmentation(arguments, seed=0)
    images = Images(augmented.source, augmented.indices, (8, 8, 3), augmentation=augmentation)

    pixels = images.read(np.arange(9), view=1)

    assert pixels.min() >= 0
    assert pixels.max() <= 255
    assert not np.array_equal(pixels, images.read(np.arange(9)))


def split(seed=0, **keys):
    dataset = read_dataset(DatasetConfig("digits"))
    shape = ImageShape(8, 8, 1)
    return dataset, split_dataset(dataset, DataConfig(image_shape=shape, **keys), seed)


def test_splits_are_disjoint_stratified_and_seeded():
    dataset, splits = split(validation_fraction=0.2)

    train, held_out = set(splits.training.indices), set(splits.validation.indices)
    assert not train & held_out
    assert train | held_out == set(range(len(dataset.train.labels)))
    shares = np.bincount(splits.validation.labels) / np.bincount(dataset.train.labels)
    assert shares == pytest.approx(np.full(10, 0.2), abs=0.01)
    assert np.array_equal(split(0, validation_fraction=0.2)[1].training.indices, sorted(train))
    assert set(split(1, validation_fraction=0.2)[1].training.indices) != train


def test_limits_draw_every_class():
    _, splits = split(limit=Limit(train=100, test=50))

    assert len(splits.training) + len(splits.validation) == 100
    assert len(splits.test) == 50
    assert set(splits.test.labels) == set(splits.validation.labels) == set(range(10))


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"limit": Limit(train=5)}, "data_config.limit.train: 5 of 1437 images can't be drawn"),
        ({"validation_fraction": 0.001}, "data_config.validation_fraction: 0.001 of 1437"),
    ],
)
def test_splits_without_every_class_are_refused(keys, message):
    with pytest.raises(RunError, match=message):
        split(**keys)
