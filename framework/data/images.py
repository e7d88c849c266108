"""Images as the network takes them: selected, resized, augmented, in [0, 255]."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from framework.config.model import Resize
from framework.data.augmentation import Augmentation
from framework.data.fingerprints import fingerprint_arrays
from framework.data.source import RawImages, Source


def resize_image(image: Image.Image, rows: int, columns: int, resize: Resize) -> Image.Image:
    """Resize an image to `rows` x `columns`; Pillow smooths when it shrinks."""
    size = (columns, rows)
    if image.size == size:
        return image
    method = Image.Resampling[resize.method.upper()]
    if resize.fit == "pad":
        return ImageOps.pad(image, size, method)
    if resize.fit == "crop":
        return ImageOps.fit(image, size, method)
    return image.resize(size, method)


def prepare_image(
    image: np.ndarray | Image.Image, shape: tuple[int, int, int], resize: Resize
) -> np.ndarray:
    """Resize one image, and convert color to gray if the network takes gray.

    Training, evaluation and prediction all prepare images with this function.

    Args:
        image: `(rows, columns)` or `(rows, columns, 3)` uint8, or a Pillow image in
            mode `L` or `RGB`.
        shape: `(rows, columns, channels)` of the network's input.
        resize: Method and fit of resizing.

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
    """Turns images of a source into what the network takes.

    The result depends only on the image's pixels, this description, the view and the
    image's index: never on order, chunks, threads or machines.

    Args:
        shape: `(rows, columns, channels)` of the network's input.
        resize: Method and fit of resizing.
        augmentation: How the views after view 0 differ; `None` for no augmentation.
    """

    shape: tuple[int, int, int]
    resize: Resize = Resize()
    augmentation: Augmentation | None = None

    def apply(self, raw: Iterable[np.ndarray], indices: np.ndarray, view: int) -> np.ndarray:
        """Resize and augment images.

        Args:
            raw: `k` images, as returned by `ArraySource.read`.
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
        # A folder may hold both gray and color images.
        channels = max((image.shape[-1] for image in prepared), default=self.shape[-1])
        batch = [match_channels(image, channels) for image in prepared]
        return np.asarray(batch, dtype=np.float32).reshape(-1, *self.shape[:2], channels)


@dataclass(frozen=True)
class PackedImages:
    """Images with all that another process needs to read them.

    Args:
        raw: The images, numbered from 0.
        indices: `(n,)` int64, their positions in the source they come from.
        preprocessing: As that of `Images`.
    """

    raw: RawImages
    indices: np.ndarray
    preprocessing: Preprocessing

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def nbytes(self) -> int:
        """Bytes to send, approximately."""
        return self.raw.nbytes

    def read(self, positions: np.ndarray, view: int = 0) -> np.ndarray:
        """Read images; see `Images.read`."""
        raw = self.raw.read(positions)
        return self.preprocessing.apply(raw, self.indices[positions], view)


@dataclass(frozen=True)
class Images:
    """Some images of a split, ready for the network.

    Args:
        source: Where the pixels come from.
        indices: `(n,)` int64, which images of the source, in this order.
        shape: `(rows, columns, channels)` of the network's input.
        resize: Method and fit of resizing.
        augmentation: How the views after view 0 differ; `None` for no augmentation.
        name: What people call their data set.
    """

    source: Source
    indices: np.ndarray
    shape: tuple[int, int, int]
    resize: Resize = Resize()
    augmentation: Augmentation | None = None
    name: str = ""

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def labels(self) -> np.ndarray:
        """`(n,)` int64."""
        labels: np.ndarray = self.source.labels[self.indices]
        return labels

    @property
    def file_names(self) -> list[str]:
        """The path of each image's file, from the data set's folder; empty without files."""
        names = self.source.names
        return [names[index] for index in self.indices] if names else []

    @property
    def digests(self) -> list[str]:
        """The digest of each image; equal images have equal ones."""
        digests = self.source.digests
        return [digests[index] for index in self.indices]

    @property
    def preprocessing(self) -> Preprocessing:
        """How the source's images become the network's input."""
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
        """Copy images, to be sent to another process; numbered from 0, with the same views."""
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
