"""EMNIST's files, written here as they are published: transposed, letters from 1."""

import gzip
import struct
import zipfile

import numpy as np
import pytest

from framework.config.class_names import EMNIST
from framework.config.model import DatasetConfig
from framework.data.dataset import DataUnavailableError
from framework.data.registry import read_dataset
from framework.errors import RunError


def encode_idx(array):
    header = bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.tobytes()


@pytest.fixture
def letters():
    """IDX files of 52 training and 26 test letters, by name, and the upright images."""
    random = np.random.default_rng(0)
    files, upright = {}, {}
    for part, count in (("train", 52), ("test", 26)):
        images = random.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        labels = (np.arange(count) % 26 + 1).astype(np.uint8)
        name = f"emnist-letters-{part}"
        files[f"{name}-images-idx3-ubyte"] = encode_idx(images.transpose(0, 2, 1).copy())
        files[f"{name}-labels-idx1-ubyte"] = encode_idx(labels)
        upright[part] = images
    return files, upright


def load(path, split="letters"):
    return read_dataset(DatasetConfig("emnist", str(path), split=split))


def test_letters_are_upright_and_named(letters, tmp_path):
    files, upright = letters
    for name, content in files.items():
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(content))

    dataset = load(tmp_path)

    assert dataset.class_names == tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    assert np.array_equal(dataset.train.images, upright["train"])
    assert np.array_equal(dataset.test.images, upright["test"])
    assert dataset.test.labels.tolist() == list(range(26))


def test_the_published_archive_is_read(letters, tmp_path):
    files, upright = letters
    with zipfile.ZipFile(tmp_path / "gzip.zip", "w") as archive:
        for name, content in files.items():
            archive.writestr(f"gzip/{name}.gz", gzip.compress(content))

    assert np.array_equal(load(tmp_path / "gzip.zip").train.images, upright["train"])


def test_each_data_set_has_its_published_number_of_classes():
    counts = {split: len(names) for split, names in EMNIST.items()}

    assert counts == {
        "byclass": 62, "bymerge": 47, "balanced": 47, "letters": 26, "digits": 10, "mnist": 10,
    }  # fmt: skip
    # As in the published mapping of ByMerge: 36 is a, 37 b, 38 d, 46 t.
    assert [EMNIST["bymerge"][label] for label in (10, 35, 36, 37, 38, 46)] == list("AZabdt")


def test_a_missing_file_is_reported(letters, tmp_path):
    with pytest.raises(DataUnavailableError, match="there is no emnist-letters-train-images"):
        load(tmp_path)


@pytest.mark.parametrize("damage", [lambda b: b[:-1], lambda b: b[:3], lambda b: b"x" + b[1:]])
def test_a_damaged_file_is_reported(letters, tmp_path, damage):
    for name, content in letters[0].items():
        (tmp_path / name).write_bytes(damage(content))

    with pytest.raises(RunError, match="is not a complete IDX file"):
        load(tmp_path)


def test_labels_outside_the_classes_are_refused(letters, tmp_path):
    for name, content in letters[0].items():
        (tmp_path / name.replace("letters", "digits")).write_bytes(content)

    with pytest.raises(RunError, match=r"run from 1 to 26. Expected 0 to 9"):
        load(tmp_path, "digits")


def test_without_a_network_emnist_is_unavailable():
    with pytest.raises(DataUnavailableError, match=r"can't be downloaded(.|\n)*Place it by hand"):
        read_dataset(DatasetConfig("emnist", split="letters"))
