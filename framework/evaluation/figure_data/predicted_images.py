"""The test images with their predictions, as figures of single images show them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Protocol

import numpy as np

from framework.evaluation.metrics.predictions import Predictions
from framework.utils.text import shorten

MAX_MISTAKES = 24
MAX_SAMPLES = 12


class Pixels(Protocol):
    """Where the pixels of images are read: all images, or those that a figure shows."""

    def read(self, positions: np.ndarray) -> np.ndarray:
        """Return `(k, rows, columns, channels)` float32 in [0, 255]."""
        ...


@dataclass(frozen=True)
class PixelSample:
    """The pixels of a few images.

    Args:
        positions: `(n,)` int64, ascending: which images.
        pixels: `(n, rows, columns, channels)` float32 in [0, 255].
    """

    positions: np.ndarray
    pixels: np.ndarray

    def read(self, positions: np.ndarray) -> np.ndarray:
        """Return the pixels of some of these images, `(k, rows, columns, channels)` float32."""
        chosen: np.ndarray = self.pixels[np.searchsorted(self.positions, positions)]
        return chosen


@dataclass(frozen=True)
class PredictedImages:
    """The test images with their predictions, as figures of single images need them.

    Args:
        predictions: The predictions for the images.
        images: The pixels of the images.
        class_names: In the order of the probabilities.
        subject: What was trained on what.
        seed: Determines which images are drawn, where a figure draws at random.
        files: Position -> path, where images have files.
    """

    predictions: Predictions
    images: Pixels
    class_names: Sequence[str]
    subject: str
    seed: int = 0
    files: Mapping[int, str] = field(default_factory=dict)

    def sample(self) -> "PredictedImages":
        """Return the same with the pixels of those images alone that two of the figures show."""
        shown = [self.rank_mistakes()[:MAX_MISTAKES], self.draw_positions(MAX_SAMPLES)]
        positions = np.unique(np.concatenate(shown))
        files = {int(place): self.files[place] for place in positions if self.files}
        pixels = self.images.read(positions)
        return replace(self, images=PixelSample(positions, pixels), files=files)

    def draw_positions(self, limit: int) -> np.ndarray:
        """Draw at most `limit` images at random: `(k,)` int64 positions, ascending."""
        count = min(limit, len(self.predictions))
        rng = np.random.default_rng(self.seed)
        return np.sort(rng.choice(len(self.predictions), count, replace=False))

    def rank_mistakes(self) -> np.ndarray:
        """Return the positions of all mistakes, the most confident first: `(k,)` int64."""
        confidence = np.nan_to_num(self.predictions.confidence, nan=-1.0)
        order = np.argsort(-confidence, kind="stable")
        return np.asarray(order[~self.predictions.correct[order]])

    def name_true(self, position: int, width: int = 17) -> str:
        """Return the name of the true class of an image, shortened."""
        return shorten(self.class_names[self.predictions.true[position]], width)

    def name_predicted(self, position: int, width: int = 17) -> str:
        """Return the name of the predicted class of an image, shortened."""
        return shorten(self.class_names[self.predictions.predicted[position]], width)

    def name_image(self, position: int, width: int = 15) -> str:
        """Return the name of an image's file, shortened, or its number without files."""
        if self.files:
            return shorten(PurePosixPath(self.files[position]).name, width)
        return f"no. {self.predictions.indices[position]}"

    def format_confidence(self, position: int) -> str:
        """Return the confidence in a prediction as text, never rounded up to certainty."""
        confidence = float(self.predictions.confidence[position])
        if not np.isfinite(confidence):
            return "no number"
        return ">99.9%" if confidence > 0.999 else f"{confidence:.1%}"


@dataclass(frozen=True)
class HeatMaps:
    """Where the network looked in some test images.

    Args:
        layer: The name of the convolution whose map it is.
        wrong: How many of the images are mistakes; they come first.
        positions: `(n,)` int64, the images.
        pixels: `(n, rows, columns, channels)` float32 in [0, 255].
        heat: `(n, map rows, map columns)` float32 in [0, 1].
    """

    layer: str
    wrong: int
    positions: np.ndarray
    pixels: np.ndarray
    heat: np.ndarray


@dataclass(frozen=True)
class EmbeddedImages:
    """What the last layer reads of some test images.

    Args:
        positions: `(n,)` int64, the images.
        features: `(n, features)` float32.
    """

    positions: np.ndarray
    features: np.ndarray
