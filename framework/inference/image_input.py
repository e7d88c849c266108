"""Images as callers have them: paths, open files, Pillow images, arrays."""

from collections.abc import Iterable
from io import BufferedIOBase, BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from framework.data.image_files import normalize_mode, read_image
from framework.errors import RunError
from framework.inference.image_batches import list_files

ImageLike = str | Path | BufferedIOBase | Image.Image | np.ndarray


def list_images(images: ImageLike | Iterable[ImageLike]) -> list[ImageLike]:
    """Return one image or several as a list, folders as their images.

    Args:
        images: See `TrainedClassifier.predict`.

    Raises:
        RunError: It is neither, or a folder holds no image.
    """
    if isinstance(images, str | Path) and Path(images).is_dir():
        return list(list_files([Path(images)]))
    if isinstance(images, str | Path | Image.Image | BufferedIOBase):
        return [images]
    if isinstance(images, np.ndarray):
        several = images.ndim == 4 or (images.ndim == 3 and images.shape[-1] > 4)
        return list(images) if several else [images]
    if not isinstance(images, Iterable):
        raise RunError(
            f"Expected an image or several: paths, open files, Pillow images or arrays. Found "
            f"{type(images).__name__}."
        )
    # An iterable of iterables is no list of images: `open_image` says so.
    return [
        found
        for image in images
        for found in (list_images(image) if isinstance(image, str | Path) else [image])
    ]


def open_image(image: ImageLike) -> Image.Image:
    """Return an image as a Pillow image in mode `L` or `RGB`; see `TrainedClassifier.predict`."""
    if isinstance(image, str | Path):
        return read_image(Path(image))
    if isinstance(image, BufferedIOBase):
        return read_image(BytesIO(image.read()))
    if isinstance(image, Image.Image):
        return normalize_mode(image)
    return Image.fromarray(_convert_pixels(image))


def _convert_pixels(image: np.ndarray) -> np.ndarray:
    """Check an array, and convert it to `(rows, columns)` or `(rows, columns, 3)` uint8."""
    if isinstance(image, np.ndarray) and image.dtype == bool:
        image = image.astype(np.uint8) * 255
    if not isinstance(image, np.ndarray) or image.dtype.kind not in "uif":
        kind = getattr(image, "dtype", type(image).__name__)
        raise RunError(f"Expected a path, a Pillow image or an array of numbers. Found {kind}.")
    if image.ndim == 3 and image.shape[-1] == 1:
        image = image[..., 0]
    if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[-1] != 3) or image.size == 0:
        raise RunError(
            "Expected an image (rows, columns), (rows, columns, 1) or (rows, columns, 3). "
            f"Found an array of shape {image.shape}."
        )
    low, high = image.min(), image.max()
    if not (low >= 0 and high <= 255):
        raise RunError(f"Expected pixels in [0, 255]. Found values from {low} to {high}.")
    if 0 < high <= 1:
        raise RunError("Expected pixels in [0, 255]. Found values up to 1: multiply them by 255.")
    rounded: np.ndarray = np.rint(image).astype(np.uint8)
    return rounded
