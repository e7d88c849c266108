"""Archives of arrays: what is read, and what is refused with which message."""

import numpy as np
import pytest

from framework.config.model import DatasetConfig
from framework.data.dataset import DataUnavailableError
from framework.data.registry import load_dataset, read_dataset
from framework.data.sources.npz_archive import load_npz
from framework.errors import RunError


def make_arrays(**changed):
    random = np.random.default_rng(0)
    arrays = {
        "x_train": random.integers(0, 256, (6, 5, 4), dtype=np.uint8),
        "y_train": np.array([0, 1, 2, 0, 1, 2]),
        "x_test": random.integers(0, 256, (3, 5, 4), dtype=np.uint8),
        "y_test": np.array([0, 1, 2]),
    }
    return {**arrays, **changed}


@pytest.fixture
def write(tmp_path):
    def write(**changed):
        arrays = {
            name: array for name, array in make_arrays(**changed).items() if array is not None
        }
        np.savez(tmp_path / "data.npz", **arrays)
        return tmp_path / "data.npz"

    return write


def test_an_archive_is_loaded(write):
    train, test, class_names = load_npz(write())

    read = (train.images, train.labels, test.images, test.labels)
    for array, expected in zip(read, make_arrays().values(), strict=True):
        assert np.array_equal(array, expected)
    assert class_names is None


def test_class_names_are_read_from_the_archive(write):
    path = write(class_names=np.array(["cat", "dog", "猫"]))

    dataset = read_dataset(DatasetConfig("npz", str(path)))

    assert dataset.class_names == ("cat", "dog", "猫")
    assert read_dataset(DatasetConfig("npz", str(write()))).class_names == ("0", "1", "2")


def test_class_names_may_be_byte_strings(write):
    path = write(class_names=np.array([b"cat", b"dog", "猫".encode()]))

    assert load_npz(path)[2] == ("cat", "dog", "猫")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["cat", "dog", "cat"], r"class_names has 'cat' twice. Expected another name for each"),
        ([b"cat", b"dog", b"cat "], r"class_names has 'cat' twice"),
        (["cat", "dog", ""], r"class_names has an empty name"),
        ([b"cat", b"dog", b"\xff"], r"class_names has a name that is not UTF-8 text: b'.xff'"),
    ],
)
def test_class_names_that_are_not_different_are_refused(write, names, message):
    with pytest.raises(RunError, match=message):
        load_npz(write(class_names=np.array(names)))


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, bool])
def test_images_of_0_and_1_become_black_and_white(write, dtype):
    usual = make_arrays()
    images = {name: (usual[name] % 2).astype(dtype) for name in ("x_train", "x_test")}

    dataset, _ = load_dataset(DatasetConfig("npz", str(write(**images))))

    assert np.array_equal(dataset.train.images, images["x_train"].astype(np.uint8) * 255)
    assert np.array_equal(dataset.test.images, images["x_test"].astype(np.uint8) * 255)
    assert "images of only 0 and 1: read as black and white, 0 and 255" in dataset.remarks


def test_a_nearly_black_test_image_stays_as_it_is(write):
    dark = np.zeros((3, 5, 4), np.uint8)
    dark[0, 0, 0] = 1

    dataset, _ = load_dataset(DatasetConfig("npz", str(write(x_test=dark))))

    assert np.array_equal(dataset.test.images, dark)


def test_python_objects_have_their_message(write):
    with pytest.raises(RunError, match=r"data.npz: x_train holds Python objects.*np.stack"):
        load_npz(write(x_train=np.full((6, 5, 4), None)))


def test_other_shapes_and_dtypes_are_converted(write):
    usual = make_arrays()
    path = write(
        x_train=usual["x_train"][..., None].astype(np.float64),
        y_train=usual["y_train"][:, None].astype(np.uint8),
    )

    train, *_ = load_npz(path)

    assert np.array_equal(train.images, usual["x_train"])
    assert train.images.dtype == np.uint8
    assert np.array_equal(train.labels, usual["y_train"])
    assert train.labels.dtype == np.int64


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"y_test": None}, "lacks y_test"),
        ({"x_train": np.zeros((6, 5), np.uint8)}, r"shape \(6, 5\). Expected \(n, rows, columns\)"),
        ({"x_train": np.zeros((6, 5, 4, 2), np.uint8)}, r"shape \(6, 5, 4, 2\)"),
        ({"x_train": np.zeros((0, 5, 4), np.uint8), "y_train": np.zeros(0, int)}, "no image"),
        ({"y_train": np.zeros(5, int)}, r"6 images, but y_train has shape \(5,\)"),
        ({"y_train": np.zeros(6)}, "dtype float64. Expected integer labels"),
        ({"x_train": np.full((6, 5, 4), 256)}, "values from 256 to 256"),
        ({"x_train": np.full((6, 5, 4), np.nan)}, "values from nan"),
        ({"x_train": np.full((6, 5, 4), 0.5)}, r"images scaled to \[0, 1\]"),
        ({"x_train": np.full((6, 5, 4), "a")}, "Expected numbers in 0 to 255"),
        ({"x_test": np.zeros((3, 4, 4), np.uint8)}, "different shapes"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(write, changed, message):
    with pytest.raises(RunError, match=message):
        load_npz(write(**changed))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no archive", None])
def test_a_damaged_archive_is_reported(write, content):
    path = write()
    path.write_bytes(path.read_bytes()[:-200] if content is None else content)

    with pytest.raises(RunError, match=r"can't be read as an .npz archive"):
        load_npz(path)


def test_a_single_array_is_refused(tmp_path):
    with (tmp_path / "data.npz").open("wb") as file:
        np.save(file, np.zeros(3))

    with pytest.raises(RunError, match="holds a single array"):
        load_npz(tmp_path / "data.npz")


def test_labels_outside_the_published_classes_are_refused(write):
    path = write(y_test=np.array([0, 1, 10]))

    with pytest.raises(RunError, match=r"run from 0 to 10. Expected 0 to 9"):
        read_dataset(DatasetConfig("mnist", str(path)))


def test_a_folder_may_hold_the_archive_under_the_data_set_s_name(write):
    path = write()
    path.rename(path.with_name("cifar10.npz"))

    assert len(read_dataset(DatasetConfig("cifar10", str(path.parent))).train.labels) == 6


def test_an_unavailable_data_set_is_replaced_only_if_the_config_says_so():
    with pytest.raises(DataUnavailableError, match=r"can't be downloaded(.|\n)*Place it by hand"):
        load_dataset(DatasetConfig("mnist"))

    dataset, fallback = load_dataset(DatasetConfig("mnist", if_unavailable="digits"))

    assert dataset.name == "digits"
    assert (fallback.wanted, fallback.used) == ("mnist", "digits")
