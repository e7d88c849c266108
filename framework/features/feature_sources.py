"""The sources of a head's features: the store, the extractor, or the images.

All have the same members: `images` with their labels; `specs`, the arrays that the head reads
for each image; and `stream`, which gives the features of some images in blocks.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from framework.data.images import Images
from framework.features.extractor import Extractor
from framework.features.store import FeatureStore
from framework.features.store_entry import FeatureSpec, StoreEntry, count_bytes_per_image

# Bytes gathered at a time: large enough for Python's share of the time to be small, small
# enough for the memory. See docs/performance.md.
BLOCK_BYTES = 4 * 2**20


@dataclass(frozen=True)
class ImageFeatures:
    """The images themselves, for a classifier without a frozen part."""

    images: Images

    @property
    def specs(self) -> tuple[FeatureSpec, ...]:
        """The shape of the images, which are float32 in [0, 255]."""
        return (FeatureSpec(shape=tuple(self.images.shape), dtype="float32"),)

    def stream(self, positions: np.ndarray, view: int = 0) -> Iterator[list[np.ndarray]]:
        """Yield images in blocks of about `BLOCK_BYTES`.

        Args:
            positions: `(k,)` int64, which images, in this order.
            view: Which augmented set; 0 for the images as they are.

        Yields:
            One `(m, *spec.shape)` array for each of `specs`, `m` images at a time.
        """
        for block in _split(positions, self.specs):
            yield [self.images.read(block, view)]


@dataclass(frozen=True)
class ComputedFeatures:
    """Features that are computed whenever they are read."""

    images: Images
    extractor: Extractor

    @property
    def specs(self) -> tuple[FeatureSpec, ...]:
        """The outputs of the extractor, widened."""
        return tuple(spec.widen() for spec in self.extractor.specs)

    def stream(self, positions: np.ndarray, view: int = 0) -> Iterator[list[np.ndarray]]:
        """Compute features batch by batch; see `Extractor.stream`."""
        for block in self.extractor.stream(self.images, positions, view):
            yield [
                array.astype(spec.dtype, copy=False)
                for array, spec in zip(block, self.specs, strict=True)
            ]


@dataclass(frozen=True)
class StoredFeatures:
    """Features read from the store; views that it does not hold are computed.

    Args:
        entries: The stored views, from view 0 up.
        computed: Computes all other views.
        store: Where the entries are; they can't be removed while it lives.
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
        """The outputs of the extractor, widened."""
        return self.computed.specs

    def stream(self, positions: np.ndarray, view: int = 0) -> Iterator[list[np.ndarray]]:
        """Read features in blocks, or compute them; see `ImageFeatures.stream`."""
        if view >= len(self.entries):
            yield from self.computed.stream(positions, view)
            return
        for block in _split(positions, self.specs):
            yield self.entries[view].read(block)


@dataclass(frozen=True)
class SelectedFeatures:
    """The features of some of the images, such as those of a fold.

    Args:
        features: Those of all images.
        positions: `(k,)` int64, which of them, in this order.
    """

    features: "Features"
    positions: np.ndarray

    @property
    def images(self) -> Images:
        """The selected images, with their labels."""
        images = self.features.images
        return replace(images, indices=images.indices[self.positions])

    @property
    def specs(self) -> tuple[FeatureSpec, ...]:
        """Those of all images."""
        return self.features.specs

    def stream(self, positions: np.ndarray, view: int = 0) -> Iterator[list[np.ndarray]]:
        """Yield features in blocks; see `ImageFeatures.stream`."""
        return self.features.stream(self.positions[positions], view)


Features = ImageFeatures | ComputedFeatures | StoredFeatures | SelectedFeatures
"""What a head reads of some images, in any of their views."""


def _split(positions: np.ndarray, specs: Sequence[FeatureSpec]) -> list[np.ndarray]:
    """Split positions into blocks of about `BLOCK_BYTES` of features."""
    rows = max(1, BLOCK_BYTES // count_bytes_per_image(specs))
    return [positions[first : first + rows] for first in range(0, len(positions), rows)]
