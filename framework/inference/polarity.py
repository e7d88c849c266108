"""Light on dark or dark on light: images are inverted to be like those of the training."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal, get_args

import numpy as np
from PIL import Image

from framework.data.appearance import Appearance, Framing, is_gray, list_border
from framework.errors import RunError

Invert = Literal["auto", "yes", "no"]


def check_invert(invert: str) -> None:
    """Raise a `RunError` if `invert` is none of `Invert`."""
    if invert not in get_args(Invert):
        raise RunError(f"invert: expected 'auto', 'yes' or 'no'. Found {invert!r}.")


# Of runs that did not measure their training images.
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


def read_appearance(environment: Mapping[str, Any]) -> Appearance:
    """Return what a run's training images look like, as it recorded or, in old runs, by name."""
    name = environment["data"]["name"]
    if "appearance" not in environment:
        known = name in LIGHT_ON_DARK
        return Appearance(known, "light on dark" if known else None, FRAMINGS.get(name))
    appearance = Appearance.parse(environment["appearance"])
    # Clothes are framed alike, too, but aren't written in a line.
    return replace(appearance, framing=None) if name == "fashion_mnist" else appearance


def needs_inversion(image: Image.Image, invert: Invert, appearance: Appearance) -> bool:
    """Return whether an image is inverted before it is classified.

    Args:
        image: In mode `L` or `RGB`.
        invert: `"auto"` inverts a gray image whose background is not that of the training
            images.
        appearance: What the classifier's training images look like.
    """
    if invert != "auto":
        return invert == "yes"
    if appearance.polarity is None or not is_gray(np.asarray(image)):
        return False
    return (estimate_background(image) > 127) != (appearance.polarity == "dark on light")


def describe_inversion(count: int, appearance: Appearance, override: str) -> str:
    """Say that images were inverted, why, and how to prevent it."""
    return (
        f"Inverted {count} image{'' if count == 1 else 's'}, because the training images are "
        f"{appearance.polarity}. If that is wrong: {override}"
    )


def estimate_background(image: Image.Image) -> float:
    """Return the brightness of the background, in 0 to 255: the median along the border."""
    return float(np.median(list_border(np.asarray(image.convert("L")))))
