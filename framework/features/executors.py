"""Who computes the chunks that are missing in the store."""

from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

import numpy as np

from framework.data.images import Images
from framework.features.extractor import Extractor
from framework.utils.text import format_duration

Chunks = Mapping[int, np.ndarray]
"""Number of a chunk -> `(k,)` int64, the positions of its images."""


class Executor(Protocol):
    """Computes chunks of features, always with the same bits.

    Whoever it is, the images of a chunk pass the extractor in the same batches.
    """

    def estimate_cost(self, images: int) -> str:
        """Say how or how fast so many images will be computed."""
        ...

    def compute(
        self, images: Images, view: int, chunks: Chunks, advance: Callable[[int], object]
    ) -> Iterator[tuple[int, list[np.ndarray]]]:
        """Compute chunks, in any order.

        Args:
            images: The images to choose from.
            view: Which augmented set; 0 for the images as they are.
            chunks: What to compute.
            advance: Is called with the number of images that have just been computed.

        Yields:
            The number of a chunk, and one `(k, *spec.shape)` array for each of the
            extractor's `specs`.
        """
        ...


class LocalExecutor:
    """The extractor, here."""

    def __init__(self, extractor: Extractor) -> None:
        self._extractor = extractor

    def estimate_cost(self, images: int) -> str:
        """Measure a batch; see `Executor.estimate_cost`."""
        rate = self._extractor.measure_rate()
        return f"about {format_duration(images / rate)} at {rate:.0f} images/s"

    def compute(
        self, images: Images, view: int, chunks: Chunks, advance: Callable[[int], object]
    ) -> Iterator[tuple[int, list[np.ndarray]]]:
        """Compute one chunk after the other; see `Executor.compute`."""
        for chunk, positions in chunks.items():
            blocks = []
            for block in self._extractor.stream(images, positions, view):
                blocks.append(block)
                advance(len(block[0]))
            yield chunk, [np.concatenate(parts) for parts in zip(*blocks, strict=True)]
