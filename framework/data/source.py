"""Where the pixels of one split come from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, Self, TypeVar

import numpy as np

from framework.data.fingerprints import fingerprint_arrays


class RawImages(Protocol):
    """Numbered images, as they were published."""

    @property
    def nbytes(self) -> int:
        """Bytes that the images take in memory, approximately."""
        ...

    def read(self, indices: np.ndarray) -> Iterable[np.ndarray]:
        """Read images; see `Source.read`."""
        ...


class Source(Protocol):
    """The images of one split as they were published, with labels."""

    @property
    def labels(self) -> np.ndarray:
        """`(n,)` int64, positions in the data set's class names."""
        ...

    @property
    def fingerprint(self) -> str:
        """Hexadecimal digest of everything that decides the pixels."""
        ...

    @property
    def digests(self) -> Sequence[str]:
        """A digest of each image, in hexadecimal; equal images have equal digests."""
        ...

    def read(self, indices: np.ndarray) -> Iterable[np.ndarray]:
        """Read images.

        Args:
            indices: `(k,)` int64, positions in the split.

        Returns:
            `k` arrays `(rows, columns)`, gray, or `(rows, columns, 3)`, RGB; uint8.
        """
        ...

    def select(self, indices: np.ndarray) -> Self:
        """Return some of the images, `(k,)` int64 positions, as a source of their own."""
        ...

    def pack(self, indices: np.ndarray) -> RawImages:
        """Copy images, to be sent to where this source is not; numbered from 0.

        Image files stay encoded: whoever reads the copy decodes them.

        Args:
            indices: `(k,)` int64, positions in the split.
        """
        ...


SourceT = TypeVar("SourceT", bound=Source)


@dataclass(frozen=True)
class ArraySource:
    """Images in memory.

    Args:
        images: `(n, rows, columns)`, gray, or `(n, rows, columns, 3)`, RGB; uint8.
        labels: `(n,)` int64.
    """

    images: np.ndarray
    labels: np.ndarray

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of pixels and labels."""
        return fingerprint_arrays([self.images, self.labels])

    @cached_property
    def digests(self) -> tuple[str, ...]:
        """BLAKE2b of each image's pixels."""
        return tuple(
            hashlib.blake2b(image.tobytes(), digest_size=16).hexdigest() for image in self.images
        )

    @property
    def nbytes(self) -> int:
        """Bytes of the pixels."""
        return self.images.nbytes

    def read(self, indices: np.ndarray) -> np.ndarray:
        """Read images; see `Source.read`."""
        images: np.ndarray = self.images[indices]
        return images

    def select(self, indices: np.ndarray) -> Self:
        """Return some of the images; see `Source.select`."""
        return type(self)(self.images[indices], self.labels[indices])

    pack = select
