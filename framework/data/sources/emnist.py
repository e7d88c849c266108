"""EMNIST: handwritten letters and digits, in six data sets.

Source: Cohen, Afshar, Tapson, van Schaik, "EMNIST: an extension of MNIST to
handwritten letters", 2017.
"""

from __future__ import annotations

import gzip
import logging
import zipfile
from pathlib import Path

import numpy as np

from framework.data.dataset import DataUnavailableError
from framework.data.sources.npz_archive import Arrays
from framework.errors import RunError
from framework.utils.files import DAMAGED_ARCHIVE
from framework.utils.network import DownloadError, fetch

logger = logging.getLogger(__name__)

# The archive of all six data sets, and its MD5 as torchvision publishes it.
ARCHIVE_URL = "https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip"
ARCHIVE_MD5 = "58c8d27c78d21e728a6bc7b3cc06412e"

# The labels of the letters start with 1, all others with 0.
FIRST_LABELS = {"letters": 1}

# Number of dimensions, in the last byte of an IDX file's magic number; 8 is for bytes.
# Source: the MNIST database's description of its files (LeCun, Cortes, Burges).
IDX_BYTES = 8


def load_emnist(path: Path | None, split: str) -> Arrays:
    """Read one of the six data sets, its images put upright.

    Args:
        path: A folder that holds the split's four IDX files, gzipped or not, or the
            published `gzip.zip`; `None` downloads that into Keras's cache.
        split: A key of `framework.config.class_names.EMNIST`.

    Returns:
        As `framework.data.sources.npz_archive.read_archive`: images `(n, 28, 28)` uint8.

    Raises:
        DataUnavailableError: A file is missing or can't be downloaded.
        RunError: A file is damaged.
    """
    place = download_archive() if path is None else path
    parts = []
    for part in ("train", "test"):
        images = read_idx(place, f"emnist-{split}-{part}-images-idx3-ubyte", 3)
        labels = read_idx(place, f"emnist-{split}-{part}-labels-idx1-ubyte", 1)
        if len(images) != len(labels):
            raise RunError(
                f"{place}: emnist-{split} has {len(images)} {part} images, {len(labels)} labels."
            )
        # Published column by column.
        upright = np.ascontiguousarray(images.swapaxes(1, 2))
        parts += [upright, labels.astype(np.int64) - FIRST_LABELS.get(split, 0)]
    return parts[0], parts[1], parts[2], parts[3]


def download_archive() -> Path:
    """Download `gzip.zip` once into Keras's cache."""
    import keras

    logger.info("Loading EMNIST through Keras's cache (downloaded once, 536 MB)")
    try:
        path = fetch(
            keras.utils.get_file, "emnist-gzip.zip", origin=ARCHIVE_URL, file_hash=ARCHIVE_MD5
        )
    except DownloadError as error:
        raise DataUnavailableError(
            f"The data set 'emnist' can't be downloaded: {error}\n"
            f"Place it by hand: fetch {ARCHIVE_URL}, and set data_config.dataset.path to it."
        ) from error
    return Path(path)


def read_idx(place: Path, name: str, dimensions: int) -> np.ndarray:
    """Read one IDX file of bytes.

    Args:
        place: A folder, or a zip archive in which the file lies gzipped.
        name: The file's name without `.gz`.
        dimensions: 3 for images, 1 for labels.

    Returns:
        An array uint8 of that many dimensions.
    """
    try:
        content = _read_file(place, name)
    except DAMAGED_ARCHIVE as error:
        raise RunError(f"{place}: {name} can't be read: {error}. Fetch it again.") from error
    magic, start = bytes((0, 0, IDX_BYTES, dimensions)), 4 + 4 * dimensions
    shape = np.frombuffer(content[4:start].ljust(4 * dimensions, b"\0"), ">u4").astype(np.int64)
    if content[:4] != magic or len(content) != start + shape.prod():
        raise RunError(
            f"{place}: {name} is no whole IDX file of bytes in {dimensions} dimensions. Fetch it "
            "again."
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def _read_file(place: Path, name: str) -> bytes:
    if place.is_dir():
        for path in (place / name, place / f"{name}.gz"):
            if path.is_file():
                return _unzip(path.read_bytes())
    elif place.is_file():
        with zipfile.ZipFile(place) as archive:
            for member in archive.namelist():
                if member.rpartition("/")[2] in (name, f"{name}.gz"):
                    return _unzip(archive.read(member))
    raise DataUnavailableError(
        f"data_config.dataset.path: there is no {name} or {name}.gz in {place}. Expected the "
        "folder of EMNIST's IDX files, or the published gzip.zip."
    )


def _unzip(content: bytes) -> bytes:
    return gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
