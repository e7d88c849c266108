"""Light characters on a dark background: the polarity of the published digit data sets."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from PIL import Image, ImageOps

from framework.errors import RunError

Invert = Literal["auto", "yes", "no"]


def check_invert(invert: str) -> None:
    """Raise a `RunError` if `invert` is none of `Invert`."""
    if invert not in get_args(Invert):
        raise RunError(f"invert: expected 'auto', 'yes' or 'no'. Found {invert!r}.")


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


# MNIST: LeCun, Cortes, Burges, "The MNIST database of handwritten digits"; `csv` is the
# form in which the Digit Recognizer competition publishes MNIST.
MNIST_FRAMING = Framing(side=28, box=20, center="mass")
FRAMINGS: Mapping[str, Framing] = {
    "mnist": MNIST_FRAMING,
    "csv": MNIST_FRAMING,
    # Cohen et al., "EMNIST: an extension of MNIST to handwritten letters" (2017).
    "emnist": Framing(side=28, box=24, center="box"),
    # scikit-learn's digits fill their images from top to bottom.
    "digits": Framing(side=8, box=8, center="box"),
}
LIGHT_ON_DARK = frozenset(FRAMINGS) | {"fashion_mnist"}


def normalize_polarity(image: Image.Image, invert: Invert, data_name: str) -> Image.Image:
    """Invert an image that is dark on light, for a classifier trained on light on dark.

    Args:
        image: In mode `L` or `RGB`.
        invert: `"auto"` inverts if the classifier's training images are light on dark and
            the border of this one is light.
        data_name: The data set that the classifier was trained on.
    """
    if invert == "auto":
        dark_on_light = data_name in LIGHT_ON_DARK and estimate_background(image) > 127
    else:
        dark_on_light = invert == "yes"
    return ImageOps.invert(image) if dark_on_light else image


def estimate_background(image: Image.Image) -> float:
    """Return the brightness of the background, in 0 to 255: the median along the border."""
    pixels = np.asarray(image.convert("L"))
    border = (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1])
    return float(np.median(np.concatenate(border)))
