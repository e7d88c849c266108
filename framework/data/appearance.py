"""What training images look like: gray or color, light on dark or dark on light, how framed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from framework.data.source import Source

Polarity = Literal["light on dark", "dark on light"]

# How many images are measured.
SAMPLE = 300
# The share of images that must agree, and of the pixels along a uniform border: characters such as
# scikit-learn's digits touch it.
MOST = 0.9
UNIFORM = 0.65
# Gray levels by which equal pixels of an image of full contrast differ at most, for the noise of
# JPEG and scanners.
TOLERANCE = 32
# The mean difference of a gray image's channels.
GRAY_TOLERANCE = 8
# Characters are strokes: things that fill more of their box are none.
MAX_FILLED = 0.5


@dataclass(frozen=True)
class Framing:
    """How a data set scales and places one character in its square images.

    Args:
        side: Pixels of an image's side.
        box: Pixels of the side of the square that the character fits into.
        center: What lies in the middle of the image: the character's center of mass, or the
            middle of its bounding box.
    """

    side: int
    box: int
    center: Literal["mass", "box"]


@dataclass(frozen=True)
class Appearance:
    """What a classifier's training images look like.

    Args:
        gray: Whether none of them has colors.
        polarity: That of nearly all images; `None` for photographs, and for colors.
        framing: How characters are framed; `None` if they are not, or not characters.
    """

    gray: bool
    polarity: Polarity | None = None
    framing: Framing | None = None

    @classmethod
    def parse(cls, record: Mapping[str, Any]) -> "Appearance":
        """Build it from `dataclasses.asdict`'s dict."""
        framing = record["framing"]
        return cls(record["gray"], record["polarity"], framing and Framing(**framing))


def measure_appearance(source: Source) -> Appearance:
    """Measure a sample of images as they were published, the same for every seed of a run."""
    count = len(source.labels)
    chosen = np.random.default_rng(0).permutation(count)[:SAMPLE]
    return summarize_images(source.read(np.sort(chosen)))


def summarize_images(images: Iterable[np.ndarray]) -> Appearance:
    """Measure images `(rows, columns)` or `(rows, columns, 3)`, uint8."""
    grays: list[np.ndarray] = []
    for image in images:
        if not is_gray(image):
            return Appearance(gray=False)
        grays.append(image if image.ndim == 2 else image[..., 0])
    borders = [list_border(image) for image in grays]
    background = np.array([np.median(border) for border in borders])
    near = [
        np.mean(np.abs(border - level) <= TOLERANCE / 255 * np.ptp(image))
        for image, border, level in zip(grays, borders, background, strict=True)
    ]
    uniform = np.array(near) >= UNIFORM
    if np.mean(uniform & (background <= 127)) >= MOST:
        return Appearance(True, "light on dark", _measure_framing(grays))
    if np.mean(uniform & (background > 127)) >= MOST:
        return Appearance(True, "dark on light", _measure_framing([255 - each for each in grays]))
    return Appearance(gray=True)


def is_gray(image: np.ndarray) -> bool:
    """Return whether an image has no colors but those of noise."""
    if image.ndim == 2:
        return True
    return float(np.mean(np.ptp(image, axis=-1))) <= GRAY_TOLERANCE


def list_border(image: np.ndarray) -> np.ndarray:
    """Return the pixels along the border of `(rows, columns)`, as int64."""
    border = (image[0], image[-1], image[:, 0], image[:, -1])
    return np.concatenate(border).astype(np.int64)


def _measure_framing(images: list[np.ndarray]) -> Framing | None:
    """Measure how characters, light on dark, are framed; `None` if they aren't alike."""
    side = images[0].shape[0]
    if any(image.shape != (side, side) for image in images):
        return None
    longest, filled, masses, middles = [], [], [], []
    for image in images:
        light = np.maximum(image - np.median(list_border(image)), 0)
        places = np.argwhere(light > TOLERANCE)
        if len(places) == 0:
            continue
        first, last = places.min(axis=0), places.max(axis=0) + 1
        longest.append(int((last - first).max()))
        filled.append(np.mean(light > 127))
        masses.append((np.indices(image.shape) * light).sum(axis=(1, 2)) / light.sum())
        middles.append((first + last) / 2)
    if not longest:
        return None
    box = int(np.median(longest))
    alike = np.mean(np.abs(np.array(longest) - box) <= 1) >= MOST
    if not alike or np.mean(filled) * side**2 > MAX_FILLED * box**2:
        return None
    steadier = np.std(masses, axis=0).mean() < np.std(middles, axis=0).mean()
    return Framing(side, box, "mass" if steadier else "box")
