"""Tables of pixels: the same images as in an archive, and predictions for the unlabeled ones."""

import csv

import keras
import numpy as np
import pytest
from sklearn.datasets import load_digits

from framework.config.model import DataConfig, DatasetConfig, ImageShape
from framework.data.dataset import DataUnavailableError
from framework.data.registry import read_dataset
from framework.errors import RunError
from framework.evaluation.report.prediction_files import write_submission
from framework.models.classifier import Classifier


@pytest.fixture(scope="module")
def digits():
    """300 digits, 8x8, to train on and 60 to test on."""
    images, labels = load_digits(return_X_y=True)
    images = images.astype(np.uint8).reshape(-1, 8, 8)
    return images[:300], labels[:300], images[300:360], labels[300:360]


def write_table(path, images, labels=None):
    pixels = images.reshape(len(images), -1)
    header = [f"pixel{number}" for number in range(pixels.shape[1])]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header if labels is None else ["label", *header])
        for place, row in enumerate(pixels.tolist()):
            writer.writerow(row if labels is None else [labels[place], *row])


@pytest.fixture
def tables(tmp_path, digits):
    x_train, y_train, x_test, _ = digits
    write_table(tmp_path / "train.csv", x_train, y_train)
    write_table(tmp_path / "test.csv", x_test)
    return tmp_path


def load(path, **keys):
    return read_dataset(DatasetConfig("csv", str(path), **keys))


def test_tables_and_archives_load_the_same_arrays(tmp_path, digits):
    x_train, y_train, x_test, y_test = digits
    write_table(tmp_path / "train.csv", x_train, y_train)
    write_table(tmp_path / "test.csv", x_test, y_test)
    names = ("x_train", "y_train", "x_test", "y_test")
    np.savez(tmp_path / "digits.npz", **dict(zip(names, digits, strict=True)))

    table = load(tmp_path)
    archive = read_dataset(DatasetConfig("npz", str(tmp_path / "digits.npz")))

    assert table.class_names == archive.class_names == tuple("0123456789")
    assert table.train.fingerprint == archive.train.fingerprint
    assert table.test.fingerprint == archive.test.fingerprint
    assert np.array_equal(table.unlabeled.source.images, archive.test.images)


def test_without_test_labels_a_share_is_held_out(tables, digits):
    dataset = load(tables, test_fraction=0.25)

    assert len(dataset.test.labels) == 75
    assert len(dataset.train.labels) == 225
    assert np.array_equal(dataset.unlabeled.source.images, digits[2])


def test_labels_may_be_names_and_images_in_color(tmp_path):
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (20, 4, 4, 3), dtype=np.uint8)
    write_table(tmp_path / "train.csv", images, ["new, york", "oslo"] * 10)
    write_table(tmp_path / "test.csv", images)

    dataset = load(tmp_path)

    assert dataset.class_names == ("new, york", "oslo")
    assert np.array_equal(dataset.unlabeled.source.images, images)


def test_labels_that_are_numbers_are_sorted_as_numbers(tmp_path):
    images = np.zeros((30, 2, 2), np.uint8)
    write_table(tmp_path / "train.csv", images, [2, 10, 9] * 10)
    write_table(tmp_path / "test.csv", images)

    assert load(tmp_path).class_names == ("2", "9", "10")


def test_the_submission_holds_the_predicted_labels(tables, tmp_path):
    dataset = load(tables)
    config = DataConfig(image_shape=ImageShape(8, 8, 1))
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()])
    classifier = Classifier(model, tuple(f"pixel {n}" for n in range(64)), ())

    write_submission(tmp_path / "submission.csv", classifier, dataset.unlabeled, config)

    brightest = dataset.unlabeled.source.images.reshape(-1, 64).argmax(axis=1)
    with (tmp_path / "submission.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["ImageId", "Label"]
    assert rows[1:] == [[str(n + 1), f"pixel {place}"] for n, place in enumerate(brightest)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "has 0 columns of pixels"),
        ("label,a,b,c,d\n", "holds no image"),
        ("label,a,b\n1,2,3\n", "has 2 columns of pixels. Expected those of square images"),
        ("a,b,c,d\n1,2,3,4\n", "has no column 'label'"),
        ("label,a,b,c,d\n1,2,3,4\n", "can't be read as a table"),
        ("label,a,b,c,d\n1,2,3,x,5\n", "can't be read as a table"),
        ("label,a,b,c,d\n1,2,3,4,256\n", "holds pixels from 2 to 256"),
        ("label,a,b,c,d\n1,-2,3,4,5\n", "holds pixels from -2 to 5"),
    ],
)
def test_a_damaged_table_is_reported(tables, content, message):
    tables.joinpath("train.csv").write_text(content)
    tables.joinpath("test.csv").write_text("a,b,c,d\n1,2,3,4\n")

    with pytest.raises(RunError, match=message):
        load(tables)


def test_tables_with_different_image_shapes_are_refused(tables):
    tables.joinpath("test.csv").write_text("a,b,c,d\n1,2,3,4\n")

    with pytest.raises(RunError, match=r"different shapes, \(8, 8\) and \(2, 2\)"):
        load(tables)


def test_a_missing_table_is_reported(tables):
    tables.joinpath("test.csv").unlink()

    with pytest.raises(DataUnavailableError, match=r"there is no file .*test.csv"):
        load(tables)
