"""One entry of the feature store: what is written is read, and damage is found."""

import gc
from pathlib import Path

import numpy as np
import pytest

from framework.errors import RunError
from framework.features.store_entry import choose_chunk_images
from tests.helpers.stored_features import fill, make_arrays


def test_reads_what_was_written_in_any_order(feature_store):
    positions = np.array([24, 3, 3, 10, 9, 0])
    for found, expected in zip(
        fill(feature_store, "a").read(positions), make_arrays(positions), strict=True
    ):
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, expected)


def test_no_positions_give_no_rows(feature_store):
    shapes = [array.shape for array in fill(feature_store, "a").read(np.arange(0))]
    assert shapes == [(0, 3), (0, 2, 2)]


def test_a_vanished_file_is_one_clear_error(feature_store):
    made = fill(feature_store, "a")
    for path in made.directory.glob("*.npy"):
        path.unlink()
    with pytest.raises(RunError, match="Start the run again"):
        made.read(np.array([0]))


def test_a_full_disk_keeps_what_is_written(feature_store, monkeypatch):
    made = fill(feature_store, "a", images=10)

    def fail(self, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(RunError, match=r"No space left on device.*Make room"):
        made.write_chunk(1, make_arrays(np.arange(10)))
    assert not list(made.directory.glob(".*"))
    np.testing.assert_array_equal(made.read(np.array([7]))[0], make_arrays(np.array([7]))[0])
    gc.collect()  # Python 3.13 complains of a buffer that an error still holds a view of.


def test_every_flipped_byte_is_found(feature_store):
    made = fill(feature_store, "a", images=2)
    path, _ = sorted(made.directory.glob("*.npy"))
    content = path.read_bytes()
    for place in range(0, len(content), 7):
        damaged = bytearray(content)
        damaged[place] ^= 0x10
        path.write_bytes(damaged)
        assert made.verify() == [0]
        path.write_bytes(content)
    assert made.verify() == []


@pytest.mark.parametrize(
    ("bytes_per_image", "batch_size", "expected"),
    [(2048, 256, 2048), (400_000, 16, 32), (10**8, 8, 8), (2048, 100, 2000)],
)
def test_chunks_are_whole_batches_of_bounded_size(bytes_per_image, batch_size, expected):
    assert choose_chunk_images(bytes_per_image, batch_size) == expected
