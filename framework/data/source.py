"""Where the pixels of one split come from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from framework.data.fingerprints import fingerprint_arrays


class RawImages(Protocol):
    """Images by number."""

    @property
    def nbytes(self) -> int:
        """Bytes that it takes in memory, but for a few."""
        ...

    def read(self, indices: np.ndarray) -> Iterable[np.ndarray]:
        """Read images; see `Source.read`."""
        ...


class Source(Protocol):
    """The images of one split as their publisher made them, with labels."""

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
        """A digest of each image, in hexadecimal: equal images have equal ones."""
        ...

    def read(self, indices: np.ndarray) -> Iterable[np.ndarray]:
        """Read images.

        Args:
            indices: `(k,)` int64, positions in the split.

        Returns:
            `k` arrays `(rows, columns)`, gray, or `(rows, columns, 3)`, RGB; uint8.
        """
        ...

    def pack(self, indices: np.ndarray) -> RawImages:
        """Take images along to where this source is not, numbered anew from 0.

        They travel as they lie here: pictures undecoded, so that decoding is left to
        whoever reads them.

        Args:
            indices: `(k,)` int64, positions in the split.
        """
        ...


@dataclass(frozen=True)
class ArraySource:
    """Images that fit in memory.

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
        chosen: np.ndarray = self.images[indices]
        return chosen

    def pack(self, indices: np.ndarray) -> ArraySource:
        """Take images along; see `Source.pack`."""
        return ArraySource(self.images[indices], self.labels[indices])
