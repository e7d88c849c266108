"""Sources: the images of one split as they were published, with labels."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np

from framework.data.fingerprints import fingerprint_arrays
from framework.data.image_files import (
    EncodedImages,
    format_path,
    read_content,
    read_pixels,
)
from framework.utils.bounded_map import bounded_map


def digest_pixels(image: np.ndarray) -> str:
    """Return BLAKE2b of an image's pixels, in hexadecimal; equal images have equal digests."""
    return hashlib.blake2b(image.tobytes(), digest_size=16).hexdigest()


@dataclass(frozen=True)
class ArraySource:
    """Images in memory.

    Args:
        images: `(n, rows, columns)`, gray, or `(n, rows, columns, 3)`, RGB; uint8.
        labels: `(n,)` int64, positions in the data set's class names.
    """

    images: np.ndarray
    labels: np.ndarray

    @property
    def names(self) -> tuple[str, ...]:
        """Nothing: the images have no files."""
        return ()

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of pixels and labels, in hexadecimal."""
        return fingerprint_arrays([self.images, self.labels])

    @cached_property
    def digests(self) -> tuple[str, ...]:
        """BLAKE2b of each image's pixels, in hexadecimal; equal images have equal digests."""
        return tuple(map(digest_pixels, self.images))

    @property
    def nbytes(self) -> int:
        """Bytes of the pixels."""
        return self.images.nbytes

    def read(self, indices: np.ndarray) -> np.ndarray:
        """Read images.

        Args:
            indices: `(k,)` int64, positions in the split.

        Returns:
            `k` arrays `(rows, columns)`, gray, or `(rows, columns, 3)`, RGB; uint8.
        """
        images: np.ndarray = self.images[indices]
        return images

    def select(self, indices: np.ndarray) -> ArraySource:
        """Return some of the images, `(k,)` int64 positions, as a source of their own."""
        return ArraySource(self.images[indices], self.labels[indices])

    def pack(self, indices: np.ndarray) -> ArraySource:
        """Copy images, numbered from 0, to be sent to another process."""
        return self.select(indices)


@dataclass(frozen=True)
class FolderSource:
    """Image files on disk; only paths, labels and digests are in memory.

    Args:
        paths: The image files.
        labels: `(n,)` int64.
        digests: SHA-256 of each file's bytes, in hexadecimal.
        root: The folder of the data set.
    """

    paths: tuple[Path, ...]
    labels: np.ndarray
    digests: tuple[str, ...]
    root: Path

    @property
    def names(self) -> tuple[str, ...]:
        """The path of each file, from the folder of the data set if it is in there."""
        return tuple(
            format_path(path.relative_to(self.root) if path.is_relative_to(self.root) else path)
            for path in self.paths
        )

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the files' contents and labels, whatever their names."""
        digest = hashlib.sha256(np.ascontiguousarray(self.labels).data)
        digest.update("".join(self.digests).encode())
        return digest.hexdigest()

    def read(self, indices: np.ndarray) -> Iterator[np.ndarray]:
        """Read images, in parallel; see `ArraySource.read`.

        Raises:
            RunError: A file is missing or damaged since it was checked.
        """
        return bounded_map(read_pixels, [self.paths[index] for index in indices])

    def pack(self, indices: np.ndarray) -> EncodedImages:
        """Read the files without decoding them, to be sent to another process.

        Raises:
            RunError: A file is missing since it was checked.
        """
        paths = [self.paths[index] for index in indices]
        contents = tuple(bounded_map(read_content, paths))
        return EncodedImages(tuple(map(format_path, paths)), contents)

    def select(self, indices: np.ndarray) -> FolderSource:
        """Return some of the images; see `ArraySource.select`."""
        return FolderSource(
            tuple(self.paths[index] for index in indices),
            self.labels[indices],
            tuple(self.digests[index] for index in indices),
            self.root,
        )


Source = ArraySource | FolderSource
SourceT = TypeVar("SourceT", ArraySource, FolderSource)
RawImages = ArraySource | EncodedImages
