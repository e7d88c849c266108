"""An entry of the feature store: one view of some images, in chunks on disk.

    entry.json                       describes the features, for people
    <chunk>.<array>.<SHA-256>.npy    `(images of the chunk, *shape)`

The name of a file contains its checksum, so that both appear at the same moment
and no index can disagree with the files.
"""

import hashlib
import io
import json
import logging
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from framework.errors import RunError
from framework.utils.files import write_atomically, write_json

logger = logging.getLogger(__name__)

DESCRIPTION = "entry.json"
CHUNK_IMAGES = 2048
CHUNK_BYTES = 16 * 2**20
HALF_PRECISION = ("bfloat16", "float16")
CHUNK_NAME = re.compile(r"(?P<chunk>\d{6})\.(?P<array>\d+)\.(?P<digest>[0-9a-f]{64})\.npy")


@dataclass(frozen=True)
class FeatureSpec:
    """Shape and dtype of one of the arrays that an extractor computes.

    Args:
        shape: Shape of one image's features, without the batch axis.
        dtype: NumPy's name of the dtype.
    """

    shape: tuple[int, ...]
    dtype: str

    @property
    def bytes_per_image(self) -> int:
        """Bytes that the features of one image take."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize

    def widen(self) -> "FeatureSpec":
        """Return the shape and dtype as a head reads it: float32 where the store has 16 bits."""
        return replace(self, dtype="float32") if self.dtype in HALF_PRECISION else self


def count_bytes_per_image(specs: Iterable[FeatureSpec]) -> int:
    """Return how many bytes all features of one image take."""
    return sum(spec.bytes_per_image for spec in specs)


def choose_chunk_images(bytes_per_image: int, batch_size: int) -> int:
    """Return how many images a chunk has: whole batches, so that its bits are always the same."""
    images = min(CHUNK_IMAGES, CHUNK_BYTES // bytes_per_image)
    return max(1, images // batch_size) * batch_size


def list_files(directory: Path) -> list[tuple[int, int, str, Path]]:
    """Return chunk, array, checksum and path of every file of features in an entry."""
    matches = [(CHUNK_NAME.fullmatch(path.name), path) for path in directory.glob("*.npy")]
    return [
        (int(match["chunk"]), int(match["array"]), match["digest"], path)
        for match, path in matches
        if match is not None
    ]


def read_description(directory: Path) -> dict[str, Any]:
    """Return the contents of `entry.json`; empty if it is missing or damaged."""
    try:
        description = json.loads((directory / DESCRIPTION).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return description if isinstance(description, dict) else {}


def remove_damaged(directory: Path) -> list[Path]:
    """Read all files of an entry, and remove the damaged ones.

    Returns:
        What was removed: features that don't match their checksum, an unreadable description.
    """
    damaged = []
    if (directory / DESCRIPTION).exists() and not read_description(directory):
        (directory / DESCRIPTION).unlink()
        damaged.append(directory / DESCRIPTION)
    for _, _, digest, path in list_files(directory):
        with path.open("rb") as stream:
            if hashlib.file_digest(stream, "sha256").hexdigest() == digest:
                continue
        path.unlink()
        damaged.append(path)
    return damaged


@dataclass(frozen=True)
class StoreEntry:
    """Features of `images` images, of which any number of chunks is on disk.

    Hold the entry's lock to change files; see `framework.features.store`.

    Args:
        directory: Where the files are; its name is the entry's key.
        description: What the features are, for people; ready for JSON.
        images: Number of images.
        chunk_images: Number of images in a chunk; the last one may have fewer.
        specs: The arrays of an image.
    """

    directory: Path
    description: Mapping[str, Any]
    images: int
    chunk_images: int
    specs: tuple[FeatureSpec, ...]
    _paths: dict[tuple[int, int], Path] = field(default_factory=dict, compare=False, repr=False)

    @property
    def key(self) -> str:
        """The key of the entry in its store."""
        return self.directory.name

    @property
    def bytes(self) -> int:
        """Bytes that the whole entry takes, without the files' headers."""
        return self.images * count_bytes_per_image(self.specs)

    def chunk_positions(self, chunk: int) -> np.ndarray:
        """Return the positions of a chunk's images, `(k,)` int64."""
        first = chunk * self.chunk_images
        return np.arange(first, min(first + self.chunk_images, self.images))

    def find_missing(self) -> list[int]:
        """Return the chunks that are not completely on disk, by the names of the files."""
        found = {(chunk, array) for chunk, array, _, _ in list_files(self.directory)}
        arrays = range(len(self.specs))
        chunks = range(-(-self.images // self.chunk_images))
        return [chunk for chunk in chunks if not all((chunk, array) in found for array in arrays)]

    def verify(self) -> list[int]:
        """Remove damaged files, and find the intact ones for `read`.

        Returns:
            The chunks that have to be computed.
        """
        for path in remove_damaged(self.directory):
            logger.warning("%s does not match its checksum: it is computed again.", path)
        self._paths.clear()
        for chunk, array, _, path in list_files(self.directory):
            self._paths[chunk, array] = path
        return self.find_missing()

    def create(self) -> None:
        """Create the directory, and remove what a killed process left half-written."""
        self.directory.mkdir(parents=True, exist_ok=True)
        for leftover in self.directory.glob(".*"):
            leftover.unlink()
        if not read_description(self.directory):
            write_json(self.directory / DESCRIPTION, self.description)

    def write_chunk(self, chunk: int, arrays: Sequence[np.ndarray]) -> None:
        """Write the features of a chunk, atomically.

        Args:
            chunk: Number of the chunk, from 0.
            arrays: One `(k, *spec.shape)` array for each of `specs`.

        Raises:
            RunError: The disk is full or cannot be written.
        """
        for number, array in enumerate(arrays):
            buffer = io.BytesIO()
            np.save(buffer, array, allow_pickle=False)
            content = buffer.getvalue()  # A copy: an error would keep a view alive.
            digest = hashlib.sha256(content).hexdigest()
            path = self.directory / f"{chunk:06d}.{number}.{digest}.npy"
            try:
                with write_atomically(path) as temporary:
                    temporary.write_bytes(content)
            except RunError as error:
                raise RunError(
                    f"{self.directory}: features cannot be stored: {error.__cause__}. The chunks "
                    "written so far are kept. Make room, or set "
                    "training_config.feature_cache.directory to another disk or "
                    'training_config.feature_cache.mode to "off", then start again.'
                ) from error
            replaced = self._paths.get((chunk, number), path)
            if replaced != path:  # Computed on another machine, with other last bits.
                replaced.unlink()
            self._paths[chunk, number] = path

    def read(self, positions: np.ndarray) -> list[np.ndarray]:
        """Read the features of images, in any order.

        The files are mapped only during the call, so that their pages don't add up in memory.

        Args:
            positions: `(k,)` int64.

        Returns:
            One `(k, *spec.shape)` array for each of `specs`, widened.

        Raises:
            RunError: A file of the entry has vanished.
        """
        order = np.argsort(positions, kind="stable")
        chunks, firsts = np.unique(positions[order] // self.chunk_images, return_index=True)
        lasts = np.append(firsts, len(positions))[1:]
        widened = [spec.widen() for spec in self.specs]
        results = [np.empty((len(positions), *spec.shape), spec.dtype) for spec in widened]
        for chunk, first, last in zip(chunks.tolist(), firsts, lasts, strict=True):
            targets = order[first:last]
            rows = positions[targets] - chunk * self.chunk_images
            for number, result in enumerate(results):
                result[targets] = self._map(chunk, number)[rows]
        return results

    def _map(self, chunk: int, array: int) -> np.ndarray:
        path = self._paths[chunk, array]
        try:
            mapped = np.load(path, mmap_mode="r", allow_pickle=False)
        except OSError as error:
            raise RunError(
                f"{path}: stored features cannot be read: {error.strerror}. "
                "Start the run again: what is missing is then computed anew."
            ) from error
        # NumPy's format knows bfloat16, which TensorFlow adds, as two bytes.
        typed: np.ndarray = mapped.view(self.specs[array].dtype)
        return typed


def find_missing_positions(entries: Iterable[StoreEntry]) -> np.ndarray:
    """Return the positions of images that any entry misses, `(k,)` int64, ascending."""
    chunks = [entry.chunk_positions(chunk) for entry in entries for chunk in entry.find_missing()]
    return np.unique(np.concatenate([np.arange(0), *chunks]))
