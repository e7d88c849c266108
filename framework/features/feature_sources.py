"""Where a head gets its features from: the store, the extractor, or the images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from framework.data.images import Images
from framework.features.extractor import Extractor
from framework.features.store import FeatureStore
from framework.features.store_entry import FeatureSpec, StoreEntry, count_bytes_per_image

# Bytes gathered at a time: enough to make Python's share of the time small, little
# enough to make the share of the memory small. See docs/performance.md.
BLOCK_BYTES = 4 * 2**20


class Features(Protocol):
    """What a head reads of some images, in any of their views."""

    @property
    def images(self) -> Images:
        """The images, with their labels."""
        ...

    @property
    def specs(self) -> tuple[FeatureSpec, ...]:
        """The arrays that a head reads for each image."""
        ...

    def stream(self, positions: np.ndarray, view: int = 0) -> Iterator[list[np.ndarray]]:
        """Give the features of some images, in blocks of a convenient size.

        Args:
            positions: `(k,)` int64, which images, in this order.
            view: Which augmented set; 0 for the images as they are.

        Yields:
            One `(m, *spec.shape)` array for each of `specs`, `m` images at a time.
        """
        ...


@dataclass(frozen=True)
class ImageFeatures:
    """The images themselves, for a classifier of which nothing is frozen."""

    images: Images

    @property
    def specs(self) -> tuple[FeatureSpec, ...]:
        """The images' shape; float32 in [0, 255]."""
        return (FeatureSpec(shape=tuple(self.images.shape), dtype="float32"),)

    def stream(self, positions: np.ndarray, view: int = 0) -> Iterator[list[np.ndarray]]:
        """Read images; see `Features.stream`."""
        for block in _split(positions, self.specs):
            yield [self.images.read(block, view)]


@dataclass(frozen=True)
class ComputedFeatures:
    """Features computed each time they are asked for."""

    images: Images
    extractor: Extractor

    @property
    def specs(self) -> tuple[FeatureSpec, ...]:
        """The arrays that cross the cut."""
        return self.extractor.specs

    def stream(self, positions: np.ndarray, view: int = 0) -> Iterator[list[np.ndarray]]:
        """Compute features; see `Features.stream`."""
        return self.extractor.stream(self.images, positions, view)


@dataclass(frozen=True)
class StoredFeatures:
    """Features read from the store, and computed where it has none.

    Args:
        entries: The stored views, from view 0 up.
        computed: Computes all other views.
        store: Where the entries lie; keeps them from being removed meanwhile.
    """

    entries: tuple[StoreEntry, ...]
    computed: ComputedFeatures
    store: FeatureStore

    @property
    def images(self) -> Images:
        """The images, with their labels."""
        return self.computed.images

    @property
    def specs(self) -> tuple[FeatureSpec, ...]:
        """The arrays that cross the cut."""
        return self.computed.specs

    def stream(self, positions: np.ndarray, view: int = 0) -> Iterator[list[np.ndarray]]:
        """Read or compute features; see `Features.stream`."""
        if view >= len(self.entries):
            yield from self.computed.stream(positions, view)
            return
        for block in _split(positions, self.specs):
            yield self.entries[view].read(block)


def _split(positions: np.ndarray, specs: Sequence[FeatureSpec]) -> list[np.ndarray]:
    """Cut positions into blocks of about `BLOCK_BYTES` of features."""
    rows = max(1, BLOCK_BYTES // count_bytes_per_image(specs))
    return [positions[first : first + rows] for first in range(0, len(positions), rows)]
