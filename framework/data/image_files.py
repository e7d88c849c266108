"""Image files of the common formats, read as gray or RGB images."""

import io
import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from framework.errors import RunError
from framework.utils.bounded_map import bounded_map

# The only decoders of Pillow that are used: others, such as EPS's, run programs.
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
ENDINGS = frozenset(
    {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".pgm", ".ppm"}
)

# A small file can decode to gigabytes. This many pixels take 192 MB as RGB.
PIXEL_LIMIT = 64_000_000

LARGEST_16_BIT = 65535

# Large images are refused here, and damage that Pillow can read past needs no warning.
warnings.filterwarnings("ignore", module=r"PIL\.")


def read_image(
    file: Path | IO[bytes], name: str | None = None, pixel_limit: int = PIXEL_LIMIT
) -> Image.Image:
    """Read an image file.

    Only the first frame is read. EXIF rotation is applied, transparency becomes white,
    16-bit values are scaled to 8 bits; other modes than gray become RGB.

    Args:
        file: A path, or an open binary file.
        name: Names the image in an error; by default its path, if it has one.
        pixel_limit: The largest number of pixels to read.

    Returns:
        A Pillow image in mode `L` (gray) or `RGB`, 8 bits a channel.

    Raises:
        RunError: There is no such file, it is no image of these formats, it is
            damaged, or it has more than `pixel_limit` pixels.
    """
    name = name or (format_path(file) if isinstance(file, Path) else "The picture")
    if isinstance(file, Path) and not file.is_file():
        raise RunError(f"{name}: there is no such file.")
    try:
        with Image.open(file, formats=FORMATS) as image:
            columns, rows = image.size
            if rows * columns > pixel_limit:
                raise _too_large(name, pixel_limit)
            return normalize_mode(ImageOps.exif_transpose(image))
    except RunError:
        raise
    except PermissionError as error:
        raise RunError(f"{name}: can't be read: {error.strerror}.") from error
    except UnidentifiedImageError as error:
        raise RunError(
            f"{name}: is not a picture. Expected PNG, JPEG, BMP, GIF, WebP, TIFF, PGM or PPM."
        ) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large(name, pixel_limit) from error
    except Exception as error:  # Pillow's decoders raise whatever damaged bytes lead them to.
        raise RunError(f"{name}: is truncated or damaged: {error}") from error


def read_content(path: Path) -> bytes:
    """Read the bytes of a file, or raise a `RunError`."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise RunError(f"{format_path(path)}: {error.strerror}.") from error


def read_pixels(file: Path | IO[bytes], name: str | None = None) -> np.ndarray:
    """Read an image file as `(rows, columns)`, gray, or `(rows, columns, 3)`, RGB; uint8."""
    return np.asarray(read_image(file, name))


@dataclass(frozen=True)
class EncodedImages:
    """Image files in memory, decoded when they are read.

    Args:
        names: Name each in an error.
        contents: The bytes of each file.
    """

    names: tuple[str, ...]
    contents: tuple[bytes, ...]

    @property
    def nbytes(self) -> int:
        """Bytes of all files."""
        return sum(map(len, self.contents))

    def read(self, indices: np.ndarray) -> Iterator[np.ndarray]:
        """Decode images, in parallel; see `ArraySource.read`."""
        return bounded_map(self._decode, indices.tolist())

    def _decode(self, index: int) -> np.ndarray:
        return read_pixels(io.BytesIO(self.contents[index]), self.names[index])


def find_image_files(folder: Path) -> Iterator[Path]:
    """Find the image files, by suffix, in a folder and its subfolders, sorted by name.

    Links to folders are not followed: they might form a loop.
    """
    for directory, subfolders, files in os.walk(folder):
        subfolders.sort()
        for name in sorted(files):
            if Path(name).suffix.lower() in ENDINGS:
                yield Path(directory, name)


def format_path(path: Path) -> str:
    """Return a path as text that can be printed, whatever bytes it consists of."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _too_large(name: str, pixel_limit: int) -> RunError:
    return RunError(
        f"{name}: has too many pixels. At most {pixel_limit // 10**6} million are read; "
        "make it smaller."
    )


def normalize_mode(image: Image.Image) -> Image.Image:
    """Convert a Pillow image of any mode to `L` or `RGB`, transparency to white.

    Raises:
        ValueError: Its values have no known range.
    """
    if image.mode == "F" or image.mode.startswith("I"):
        return _convert_16_bits(image)
    plain = "L" if image.mode in ("1", "L", "LA", "La") else "RGB"
    if not image.has_transparency_data:
        return image.convert(plain)
    layer = image.convert("RGBA")
    background = Image.new("RGBA", layer.size, "white")
    return Image.alpha_composite(background, layer).convert(plain)


def _convert_16_bits(image: Image.Image) -> Image.Image:
    """Convert gray values of 16 bits to 8."""
    pixels = np.asarray(image)
    if pixels.dtype.kind == "f" or pixels.min() < 0 or pixels.max() > LARGEST_16_BIT:
        raise ValueError("its values have more than 16 bits, and no known range.")
    # 65535 / 255 = 257; in 64 bits, so that rounding does not overflow.
    return Image.fromarray(((pixels.astype(np.int64) + 128) // 257).astype(np.uint8))
