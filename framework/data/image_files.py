"""Image files of the common formats, read as gray or RGB images."""

import io
import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from framework.errors import RunError
from framework.utils.bounded_map import bounded_map
from framework.utils.optional_dependencies import require_packages

# The only decoders of Pillow that are used: others, such as EPS's, run programs.
FORMATS: tuple[str, ...] = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
ENDINGS = frozenset(
    """
    .png .jpg .jpeg .jfif .bmp .gif .webp .tif .tiff .pgm .ppm .heic .heif
    """.split()
)

# Photographs of some telephones, for which Pillow has no decoder of its own.
HEIF_ENDINGS = (".heic", ".heif")
if find_spec("pillow_heif"):
    import pillow_heif

    pillow_heif.register_heif_opener()
    FORMATS += ("HEIF",)

# Folders that systems make beside one's own; those that begin with a dot are hidden, too.
SYSTEM_FOLDERS = frozenset({"__MACOSX", "@eaDir", "$RECYCLE.BIN", "lost+found"})

# A small file can decode to gigabytes. This many pixels take 192 MB as RGB.
PIXEL_LIMIT = 64_000_000

# Cameras and scanners save values of so many bits in files of 16 or 32 bits.
BIT_DEPTHS = (8, 10, 12, 14, 16)

# The key of Pillow's `Image.info` under which `normalize_mode` returns the bits of deep values.
BITS = "framework_bits"

# The key of `Image.info` for the number of pages of a TIFF file.
PAGES = "framework_pages"

# The key of `Image.info` for the orientation that the EXIF data of a file name; 1: not turned.
ORIENTATION = "framework_orientation"

# TIFF's tag for how many bits a value has.
BITS_PER_SAMPLE = 258

# Large images are refused here, and damage that Pillow can read past needs no warning.
warnings.filterwarnings("ignore", module=r"PIL\.")


def read_image(
    file: Path | IO[bytes],
    name: str | None = None,
    pixel_limit: int = PIXEL_LIMIT,
) -> Image.Image:
    """Read an image file.

    Only the first frame is read. EXIF rotation is applied, transparency becomes white,
    deeper values are scaled to 8 bits (see `normalize_mode`); other modes than gray become RGB.

    Args:
        file: A path, or an open binary file.
        name: Names the image in an error; by default its path, if it has one.
        pixel_limit: The largest number of pixels to read.

    Returns:
        A Pillow image in mode `L` (gray) or `RGB`, 8 bits a channel.

    Raises:
        RunError: There is no such file, it is no image of these formats, it needs
            `pillow-heif`, it is damaged, or it has more than `pixel_limit` pixels.
    """
    name = name or (format_path(file) if isinstance(file, Path) else "The picture")
    if isinstance(file, Path) and not file.is_file():
        raise RunError(f"{name}: there is no such file.")
    try:
        with Image.open(file, formats=FORMATS) as image:
            columns, rows = image.size
            if rows * columns > pixel_limit:
                raise _too_large(name, pixel_limit)
            pages = getattr(image, "n_frames", 1) if image.format == "TIFF" else 1
            orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
            normalized = normalize_mode(ImageOps.exif_transpose(image), name, _find_bits(image))
            normalized.info[PAGES] = pages
            normalized.info[ORIENTATION] = orientation if orientation in range(2, 9) else 1
            return normalized
    except RunError:
        raise
    except PermissionError as error:
        raise RunError(f"{name}: can't be read: {error.strerror}.") from error
    except UnidentifiedImageError as error:
        if name.lower().endswith(HEIF_ENDINGS):
            require_packages(f"{name}: a HEIC file", {"pillow_heif": "pillow-heif"}, "heif")
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

    Hidden files and folders are left out. Links to folders are not followed: they might form a
    loop.
    """
    for directory, subfolders, files in os.walk(folder):
        subfolders[:] = sorted(name for name in subfolders if not is_hidden(name))
        for name in sorted(files):
            if is_image_name(name):
                yield Path(directory, name)


def is_hidden(name: str) -> bool:
    """Return whether a file or folder of that name is none of the user's own."""
    return name.startswith(".") or name in SYSTEM_FOLDERS


def is_image_name(name: str) -> bool:
    """Return whether a file of that name is an image, by its suffix, and not hidden."""
    return Path(name).suffix.lower() in ENDINGS and not is_hidden(name)


def format_path(path: Path) -> str:
    """Return a path as text that can be printed, whatever bytes it consists of."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _too_large(name: str, pixel_limit: int) -> RunError:
    return RunError(
        f"{name}: has too many pixels. At most {pixel_limit // 10**6} million are read; "
        "make it smaller."
    )


def _find_bits(image: Image.Image) -> int | None:
    """Return how many bits the values of an open file have, if it says so."""
    if image.format == "PPM":  # Pillow scales them by the largest value, which the file holds.
        return 16
    bits = getattr(image, "tag_v2", {}).get(BITS_PER_SAMPLE, (16,))[0]
    return bits if bits in BIT_DEPTHS[:-1] else None


def normalize_mode(
    image: Image.Image, name: str = "The picture", bits: int | None = None
) -> Image.Image:
    """Convert a Pillow image of any mode to `L` or `RGB`, transparency to white.

    Files of 16 or 32 bits often hold values of fewer bits and don't say of how many. The smallest
    of `BIT_DEPTHS` that holds the image's largest value is taken, which depends on nothing but the
    image, so that it is the same in training and prediction.

    Args:
        image: The image.
        name: Names it in an error.
        bits: How many bits its values have; `None`: as many as they need. The number is returned
            in `info[BITS]`.

    Raises:
        RunError: Its values have no known range.
    """
    if image.mode == "F":
        return _convert_floats(image, name)
    if image.mode.startswith("I"):
        return _convert_integers(image, name, bits)
    plain = "L" if image.mode in ("1", "L", "LA", "La") else "RGB"
    if not image.has_transparency_data:
        return image.convert(plain)
    layer = image.convert("RGBA")
    background = Image.new("RGBA", layer.size, "white")
    return Image.alpha_composite(background, layer).convert(plain)


def _convert_integers(image: Image.Image, name: str, bits: int | None) -> Image.Image:
    """Convert gray values of up to 16 bits to 8."""
    # In 64 bits, so that scaling does not overflow.
    pixels = np.asarray(image).astype(np.int64)
    low, high = pixels.min(), pixels.max()
    if low < 0 or high >= 2**16:
        raise RunError(
            f"{name}: holds values from {low} to {high}. Expected gray values of up to 16 bits, 0 "
            "to 65535: save it in 8 or 16 bits."
        )
    needed = next(depth for depth in BIT_DEPTHS if high < 2**depth)
    bits = max(needed, bits or 0)
    largest = 2**bits - 1
    converted = Image.fromarray(((pixels * 255 + largest // 2) // largest).astype(np.uint8))
    converted.info[BITS] = bits
    return converted


def _convert_floats(image: Image.Image, name: str) -> Image.Image:
    """Convert gray values in [0, 1] or [0, 255] to 8 bits."""
    pixels = np.asarray(image)
    low, high = pixels.min(), pixels.max()
    if not (low >= 0 and high <= 255):
        raise RunError(
            f"{name}: holds floating-point values from {low:g} to {high:g}. Expected [0, 1] or "
            "[0, 255]: scale them, or save it in 8 bits."
        )
    return Image.fromarray(np.rint(pixels * (255 if high <= 1 else 1)).astype(np.uint8))
