"""Images packed for another process."""

import pickle
import shutil

import numpy as np
import pytest
from PIL import Image

from framework.data.augmentation import Augmentation
from framework.data.images import Images
from framework.data.source import ArraySource
from framework.data.sources.image_folder import load_folder
from framework.errors import RunError

ARGUMENTS = {"rotation_range": 30, "zoom_range": (0.8, 1.2), "brightness_range": (0.5, 1.0)}
POSITIONS = np.array([5, 0, 3, 2])


@pytest.fixture
def folder(tmp_path):
    random = np.random.default_rng(0)
    for name in ("cat", "dog"):
        path = tmp_path / "images" / name
        path.mkdir(parents=True)
        for number in range(8):
            pixels = random.integers(0, 256, (9, 7, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(path / f"{number}.jpg")
    return tmp_path / "images"


def choose(source):
    return Images(
        source,
        indices=np.array([7, 1, 2, 0, 6, 4]),
        shape=(8, 8, 3),
        augmentation=Augmentation(ARGUMENTS, seed=3),
    )


@pytest.mark.parametrize("view", [0, 2])
def test_packed_arrays_have_the_same_pixels(view):
    pixels = np.random.default_rng(1).integers(0, 256, (9, 6, 6), dtype=np.uint8)
    images = choose(ArraySource(pixels, np.zeros(9, np.int64)))

    packed = pickle.loads(pickle.dumps(images.pack(POSITIONS)))

    assert packed.nbytes == 4 * 6 * 6
    assert_same_pixels(packed, images.read(POSITIONS, view), view)


@pytest.mark.parametrize("view", [0, 2])
def test_packed_files_do_not_need_their_folder(folder, view):
    images = choose(load_folder(folder).train)
    expected = images.read(POSITIONS, view)
    files = [images.source.paths[index] for index in images.indices[POSITIONS]]
    size = sum(path.stat().st_size for path in files)
    travelling = pickle.dumps(images.pack(POSITIONS))
    shutil.rmtree(folder)

    packed = pickle.loads(travelling)

    assert packed.nbytes == size
    assert_same_pixels(packed, expected, view)


def assert_same_pixels(packed, expected, view):
    assert len(packed) == len(expected)
    np.testing.assert_array_equal(packed.read(np.arange(len(packed)), view), expected)
    # In batches, as an extractor reads them.
    np.testing.assert_array_equal(packed.read(np.array([2, 3]), view), expected[2:])


def test_errors_name_the_image_file_packed_or_not(folder):
    source = load_folder(folder).train
    source.paths[1].write_bytes(b"no image")
    packed = source.pack(np.array([1]))
    with pytest.raises(RunError, match=f"{source.paths[1].name}: is not a picture"):
        list(packed.read(np.array([0])))

    source.paths[1].unlink()
    with pytest.raises(RunError, match=f"{source.paths[1].name}: No such file"):
        source.pack(np.array([1]))
