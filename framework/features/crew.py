"""Who computes the chunks that are missing in the store."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

import numpy as np

from framework.data.images import Images
from framework.features.extraction import Extractor

Chunks = Mapping[int, np.ndarray]
"""Number of a chunk -> `(k,)` int64, the positions of its images."""


class Crew(Protocol):
    """Computes chunks of features, always with the same bits.

    Whoever it is, the images of a chunk pass the extractor in the same batches.
    """

    def forecast(self, images: int) -> str:
        """Says how or how fast so many images will be computed."""
        ...

    def compute(
        self, images: Images, view: int, chunks: Chunks, advance: Callable[[int], object]
    ) -> Iterator[tuple[int, list[np.ndarray]]]:
        """Computes chunks, in any order.

        Args:
            images: The images to choose from.
            view: Which augmented set; 0 for the images as they are.
            chunks: What to compute.
            advance: Is told how many more images are done.

        Yields:
            The number of a chunk, and one `(k, *spec.shape)` array for each of the
            extractor's `specs`.
        """
        ...


class ThisMachine:
    """The extractor, here."""

    def __init__(self, extractor: Extractor) -> None:
        self._extractor = extractor

    def forecast(self, images: int) -> str:
        """Measures a batch; see `Crew.forecast`."""
        rate = self._extractor.measure_rate()
        return f"about {_format_seconds(images / rate)} at {rate:.0f} images/s"

    def compute(
        self, images: Images, view: int, chunks: Chunks, advance: Callable[[int], object]
    ) -> Iterator[tuple[int, list[np.ndarray]]]:
        """Computes one chunk after the other; see `Crew.compute`."""
        for chunk, positions in chunks.items():
            blocks = []
            for block in self._extractor.stream(images, positions, view):
                blocks.append(block)
                advance(len(block[0]))
            yield chunk, [np.concatenate(parts) for parts in zip(*blocks, strict=True)]


def _format_seconds(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
