"""EMNIST: handwritten letters and digits, in six data sets.

Source: Cohen, Afshar, Tapson, van Schaik, "EMNIST: an extension of MNIST to
handwritten letters", 2017.
"""

import gzip
import logging
import zipfile
from pathlib import Path

import numpy as np

from framework.data.dataset import DataUnavailableError
from framework.data.source import ArraySource
from framework.errors import RunError
from framework.utils.files import DAMAGED_ARCHIVE
from framework.utils.network import DownloadError, fetch

logger = logging.getLogger(__name__)

# The archive of all six data sets, and its MD5 as torchvision publishes it.
ARCHIVE_URL = "https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip"
ARCHIVE_MD5 = "58c8d27c78d21e728a6bc7b3cc06412e"

# The labels of the letters start at 1, all others at 0.
FIRST_LABELS = {"letters": 1}

# Number of dimensions, in the last byte of an IDX file's magic number; 8 is for bytes.
# Source: the MNIST database's description of its files (LeCun, Cortes, Burges).
IDX_BYTES = 8


def load_emnist(path: Path | None, split: str) -> tuple[ArraySource, ArraySource]:
    """Load one of the six data sets, with upright images.

    Args:
        path: A folder that holds the split's four IDX files, gzipped or not, or the
            published `gzip.zip`; `None` downloads that into Keras's cache.
        split: A key of `framework.config.class_names.EMNIST`.

    Returns:
        The training and the test images, 28x28.

    Raises:
        DataUnavailableError: A file is missing or can't be downloaded.
        RunError: A file is damaged.
    """
    path = _download_archive() if path is None else path
    return _load_part(path, split, "train"), _load_part(path, split, "test")


def _load_part(path: Path, split: str, part: str) -> ArraySource:
    images = read_idx(path, f"emnist-{split}-{part}-images-idx3-ubyte", 3)
    labels = read_idx(path, f"emnist-{split}-{part}-labels-idx1-ubyte", 1)
    if len(images) != len(labels):
        raise RunError(
            f"{path}: emnist-{split} has {len(images)} {part} images, {len(labels)} labels."
        )
    # Published column by column.
    upright = np.ascontiguousarray(images.swapaxes(1, 2))
    return ArraySource(upright, labels.astype(np.int64) - FIRST_LABELS.get(split, 0))


def _download_archive() -> Path:
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


def read_idx(location: Path, name: str, dimensions: int) -> np.ndarray:
    """Read one IDX file of bytes.

    Args:
        location: A folder, or a zip archive that holds the file gzipped.
        name: The file's name without `.gz`.
        dimensions: 3 for images, 1 for labels.

    Returns:
        An array uint8 of that many dimensions.
    """
    try:
        content = _read_file(location, name)
    except DAMAGED_ARCHIVE as error:
        raise RunError(f"{location}: {name} can't be read: {error}. Fetch it again.") from error
    magic, start = bytes((0, 0, IDX_BYTES, dimensions)), 4 + 4 * dimensions
    shape = np.frombuffer(content[4:start].ljust(4 * dimensions, b"\0"), ">u4").astype(np.int64)
    if content[:4] != magic or len(content) != start + shape.prod():
        raise RunError(
            f"{location}: {name} is not a complete IDX file of bytes in {dimensions} dimensions. "
            "Fetch it again."
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def _read_file(location: Path, name: str) -> bytes:
    if location.is_dir():
        for path in (location / name, location / f"{name}.gz"):
            if path.is_file():
                return _unzip(path.read_bytes())
    elif location.is_file():
        with zipfile.ZipFile(location) as archive:
            for member in archive.namelist():
                if member.rpartition("/")[2] in (name, f"{name}.gz"):
                    return _unzip(archive.read(member))
    raise DataUnavailableError(
        f"data_config.dataset.path: there is no {name} or {name}.gz in {location}. Expected the "
        "folder of EMNIST's IDX files, or the published gzip.zip."
    )


def _unzip(content: bytes) -> bytes:
    return gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
