"""Pictures as part of a page: data URIs, and not too large."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure
from PIL import Image

from framework.evaluation.figures.style import render_png

# Of base64 text; leaves room for the page itself below 5 MB.
PAGE_BUDGET = 4_400_000
_LARGE_FILE = 200_000  # bytes from which fewer colours are worth a second encoding


def embed_pictures(paths: Sequence[Path], budget: int = PAGE_BUDGET) -> dict[Path, str]:
    """Make data URIs of pictures, within a budget.

    Large files are embedded in 256 colours. If the sum is still too large,
    the largest ones are left out.

    Args:
        paths: PNG files.
        budget: The most characters that all URIs may have together.

    Returns:
        File -> data URI; without those left out.
    """
    uris = {path: _make_uri(path) for path in paths}
    while sum(map(len, uris.values())) > budget:
        del uris[max(uris, key=lambda path: len(uris[path]))]
    return uris


def embed_figure(figure: Figure) -> str:
    """Draw a figure as the data URI of a PNG."""
    return _encode(render_png(figure))


def _make_uri(path: Path) -> str:
    data = path.read_bytes()
    if len(data) > _LARGE_FILE:
        with Image.open(path) as image:
            buffer = io.BytesIO()
            image.convert("RGB").quantize(256).save(buffer, "PNG")
        data = min(data, buffer.getvalue(), key=len)
    return _encode(data)


def _encode(data: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(data).decode("ascii")
