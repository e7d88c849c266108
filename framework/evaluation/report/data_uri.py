"""Figures as part of a page: data URIs within a size limit."""

import base64
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

# Pixels of the longer side of a single picture.
PICTURE_SIDE = 112

# Of base64 text; leaves room for the page itself below 5 MB.
MAX_TOTAL_SIZE = 4_400_000
_LARGE_FILE = 200_000  # bytes; larger files are worth a second encoding with fewer colors


def embed_images(paths: Sequence[Path], budget: int = MAX_TOTAL_SIZE) -> dict[Path, str]:
    """Return images as data URIs, within a budget.

    Large files are embedded in 256 colors. If the sum is still too large,
    the largest ones are left out.

    Args:
        paths: PNG files.
        budget: The maximal number of characters of all URIs together.

    Returns:
        File -> data URI, without those left out.
    """
    uris = {path: _embed_image(path) for path in paths}
    while sum(map(len, uris.values())) > budget:
        del uris[max(uris, key=lambda path: len(uris[path]))]
    return uris


def embed_picture(pixels: np.ndarray) -> str:
    """Return a picture, uint8, as a data URI: a small PNG, or a JPEG that was made smaller."""
    image = Image.fromarray(pixels)
    image.thumbnail((PICTURE_SIDE, PICTURE_SIDE))
    kind = "png" if max(image.size) < PICTURE_SIDE else "jpeg"
    buffer = io.BytesIO()
    image.save(buffer, kind, quality=80)
    return encode_image(buffer.getvalue(), kind)


def _embed_image(path: Path) -> str:
    data = path.read_bytes()
    if len(data) > _LARGE_FILE:
        with Image.open(path) as image:
            buffer = io.BytesIO()
            image.convert("RGB").quantize(256).save(buffer, "PNG")
        data = min(data, buffer.getvalue(), key=len)
    return encode_image(data)


def encode_image(data: bytes, kind: str = "png") -> str:
    """Return the content of an image file as a data URI."""
    return f"data:image/{kind};base64," + base64.b64encode(data).decode("ascii")
