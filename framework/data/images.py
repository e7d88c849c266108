"""Images as the network takes them: selected, resized, augmented, in [0, 255]."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from framework.config.model import Resize
from framework.data.augmentation import Augmentation
from framework.data.fingerprints import fingerprint_arrays
from framework.data.source import RawImages, Source

RESAMPLING = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


def resize_image(image: Image.Image, rows: int, columns: int, resize: Resize) -> Image.Image:
    """Bring an image to `rows` x `columns`; Pillow smooths when it shrinks."""
    size = (columns, rows)
    if image.size == size:
        return image
    method = RESAMPLING[resize.method]
    if resize.fit == "pad":
        return ImageOps.pad(image, size, method)
    if resize.fit == "crop":
        return ImageOps.fit(image, size, method)
    return image.resize(size, method)


def prepare_image(
    image: np.ndarray | Image.Image, shape: tuple[int, int, int], resize: Resize
) -> np.ndarray:
    """Resize one image, and turn color to gray where the network takes gray.

    Training, evaluation and prediction all go through here, so that a network
    never meets an image prepared in another way than those it learnt from.

    Args:
        image: `(rows, columns)` or `(rows, columns, 3)` uint8, or a Pillow image in
            mode `L` or `RGB`.
        shape: `(rows, columns, channels)` of the network's input.
        resize: How to get there.

    Returns:
        `(rows, columns, 1)` for a gray image or a gray network, else
        `(rows, columns, 3)`; uint8. `match_channels` repeats gray to RGB.
    """
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    rows, columns, channels = shape
    if channels == 1 and image.mode != "L":
        image = image.convert("L")
    pixels = np.asarray(resize_image(image, rows, columns, resize))
    return pixels[..., np.newaxis] if pixels.ndim == 2 else pixels


def match_channels(images: np.ndarray, channels: int) -> np.ndarray:
    """Repeat gray images `(n, rows, columns, 1)` to the network's channels."""
    if images.shape[-1] == channels:
        return images
    return np.repeat(images, channels, axis=-1)


@dataclass(frozen=True)
class Preprocessing:
    """The way from an image as its source has it to what the network takes.

    The result depends only on the image's own pixels, this description, the view and
    the image's own index: never on order, chunks, threads or machines.

    Args:
        shape: `(rows, columns, channels)` of the network's input.
        resize: How images are brought to that shape.
        augmentation: How the views after view 0 differ; `None` for no augmentation.
    """

    shape: tuple[int, int, int]
    resize: Resize = Resize()
    augmentation: Augmentation | None = None

    def apply(self, raw: Iterable[np.ndarray], indices: np.ndarray, view: int) -> np.ndarray:
        """Prepare images.

        Args:
            raw: `k` images, as `Source.read` gives them.
            indices: `(k,)` int64, their positions in their source.
            view: 0 for the images as they are, `v` for the `v`-th augmented set.

        Returns:
            `(k, rows, columns, channels)` float32, RGB or gray, in [0, 255].
        """
        prepared = self._resize(raw)
        if view == 0 or self.augmentation is None:
            return match_channels(prepared, self.shape[-1])
        if not self.augmentation.treats_channels_alike:
            prepared = match_channels(prepared, self.shape[-1])
        augmented = self.augmentation.apply(prepared, indices, view)
        return match_channels(augmented, self.shape[-1])

    def _resize(self, raw: Iterable[np.ndarray]) -> np.ndarray:
        prepared = [prepare_image(image, self.shape, self.resize) for image in raw]
        # A folder may hold gray and color images side by side.
        channels = max((image.shape[-1] for image in prepared), default=self.shape[-1])
        batch = [match_channels(image, channels) for image in prepared]
        return np.asarray(batch, dtype=np.float32).reshape(-1, *self.shape[:2], channels)


@dataclass(frozen=True)
class PackedImages:
    """Some images with all that is needed to read them, wherever they are taken.

    Args:
        pixels: The images, numbered from 0.
        indices: `(n,)` int64, their positions in the source they come from.
        preprocessing: What becomes of them.
    """

    pixels: RawImages
    indices: np.ndarray
    preprocessing: Preprocessing

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def nbytes(self) -> int:
        """Bytes that travel, but for a few."""
        return self.pixels.nbytes

    def read(self, positions: np.ndarray, view: int = 0) -> np.ndarray:
        """Read images; see `Images.read`."""
        raw = self.pixels.read(positions)
        return self.preprocessing.apply(raw, self.indices[positions], view)


@dataclass(frozen=True)
class Images:
    """Some images of a split, ready for the network.

    Args:
        source: Where the pixels come from.
        indices: `(n,)` int64, which images of the source, in this order.
        shape: `(rows, columns, channels)` of the network's input.
        resize: How images are brought to that shape.
        augmentation: How the views after view 0 differ; `None` for no augmentation.
    """

    source: Source
    indices: np.ndarray
    shape: tuple[int, int, int]
    resize: Resize = Resize()
    augmentation: Augmentation | None = None

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def labels(self) -> np.ndarray:
        """`(n,)` int64."""
        labels: np.ndarray = self.source.labels[self.indices]
        return labels

    @property
    def preprocessing(self) -> Preprocessing:
        """What becomes of the source's images."""
        return Preprocessing(self.shape, self.resize, self.augmentation)

    def read(self, positions: np.ndarray, view: int = 0) -> np.ndarray:
        """Read images.

        Args:
            positions: `(k,)` int64, positions in this selection.
            view: 0 for the images as they are, `v` for the `v`-th augmented set.

        Returns:
            `(k, rows, columns, channels)` float32, RGB or gray, in [0, 255]; see
            `Preprocessing`.
        """
        indices = self.indices[positions]
        return self.preprocessing.apply(self.source.read(indices), indices, view)

    def pack(self, positions: np.ndarray) -> PackedImages:
        """Take some images along, numbered anew from 0, with the same pixels in every view."""
        indices = self.indices[positions]
        return PackedImages(self.source.pack(indices), indices, self.preprocessing)

    def describe(self, view: int = 0) -> dict[str, Any]:
        """Return everything that decides the pixels of a view, ready for JSON."""
        augmentation = self.augmentation if view > 0 else None
        return {
            "source": self.source.fingerprint,
            "indices": fingerprint_arrays([self.indices]),
            "shape": list(self.shape),
            "resize": {"method": self.resize.method, "fit": self.resize.fit},
            "augmentation": augmentation.describe() if augmentation else None,
            "view": view if augmentation else 0,
        }
