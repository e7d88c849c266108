"""Remarks on unusual data sets."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from framework.config.model import DatasetConfig
from framework.data.dataset import Dataset
from framework.data.images import Images
from framework.data.registry import load_dataset, load_digits
from framework.data.sanity_checks import inspect_dataset, inspect_training
from framework.data.source import ArraySource
from framework.errors import RunError


@pytest.fixture
def dataset():
    random = np.random.default_rng(0)
    train = random.integers(0, 256, (12, 4, 4), dtype=np.uint8)
    test = random.integers(0, 256, (6, 4, 4), dtype=np.uint8)
    labels = np.arange(12) % 3
    return Dataset(
        "npz", ArraySource(train, labels), ArraySource(test, labels[:6]), ("a", "b", "c"), "there"
    )


def test_an_ordinary_data_set_has_no_remarks(dataset):
    assert inspect_dataset(dataset) == ()
    assert inspect_dataset(load_digits()) == ()


def test_test_images_among_the_training_images_are_counted(dataset):
    dataset.test.images[[1, 4]] = dataset.train.images[7]

    (remark,) = inspect_dataset(dataset)

    assert remark.startswith("test images identical to a training image: 2 of 6")


def test_images_of_a_single_color_are_counted(dataset):
    dataset.train.images[3] = 0
    dataset.test.images[2] = 255

    assert inspect_dataset(dataset) == ("images of a single color, kept: 2",)


def test_classes_without_images_are_named(dataset):
    names = ("a", "b", "c", "d")
    test = ArraySource(dataset.test.images[:2], dataset.test.labels[:2])

    remarks = inspect_dataset(replace(dataset, test=test, class_names=names))

    assert remarks == (
        "class without training images: 'd'",
        "class without test images: 'c', 'd'",
    )


def test_a_single_class_is_refused(dataset):
    one = ArraySource(dataset.train.images, np.full(12, 1))

    with pytest.raises(RunError, match="there: all training images are of one class, 'b'"):
        inspect_dataset(replace(dataset, train=one))


def test_image_files_are_inspected_too(tmp_path):
    random = np.random.default_rng(0)
    for number, name in enumerate(("a", "b") * 4):
        folder = tmp_path / ("train" if number < 4 else "test") / name
        folder.mkdir(parents=True, exist_ok=True)
        pixels = random.integers(0, 256, (5, 5), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    Image.new("RGB", (5, 5), "red").save(tmp_path / "train" / "a" / "red.png")
    copied = tmp_path / "train" / "b" / "1.png"
    (tmp_path / "test" / "b" / "copy.png").write_bytes(copied.read_bytes())

    dataset, _ = load_dataset(DatasetConfig("folder", str(tmp_path)))

    assert "picture of a single color, kept: 1 (" in dataset.remarks[0]
    assert "identical to a training image: 1 of 5" in dataset.remarks[1]


def test_less_than_a_batch_and_copies_among_validation_images_are_reported(dataset):
    dataset.train.images[10] = dataset.train.images[1]
    training, validation = (
        Images(dataset.train, np.arange(*ends), (4, 4, 1)) for ends in ((0, 9), (9, 12))
    )

    assert inspect_training(training, validation, 32) == (
        "fewer training images (9) than a batch holds (32): every epoch is a single step",
        "validation images identical to a training image: 1 of 3; the validation accuracy looks "
        "better than it is",
    )
    assert inspect_training(training, training, 9)[0].startswith("validation images")
