"""What a classifier says about an image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

UNKNOWN = "unknown"


@dataclass(frozen=True)
class Prediction:
    """The prediction for one image, or for one character of it.

    Args:
        predicted: The most probable class, or `"unknown"`. Of an image with several characters,
            all of them in reading order, the unknown ones as `?`.
        confidence: The probability of the most probable class, in 0 to 1; of several characters,
            that all are right.
        top: The most probable classes with their probabilities, in descending order. An unknown
            image looks most like the first.
        known: Whether the image is like the training images.
        characters: The characters of an image that holds several.
        note: Why nothing was read, if so.
    """

    predicted: str
    confidence: float
    top: tuple[tuple[str, float], ...]
    known: bool = True
    characters: tuple[Character, ...] = ()
    note: str = ""

    def describe(self) -> dict[str, Any]:
        """Return the prediction, ready for JSON."""
        described: dict[str, Any] = {
            "predicted": self.predicted,
            "confidence": self.confidence,
            "known": self.known,
            "top": [{"class": name, "probability": value} for name, value in self.top],
        }
        if len(self.characters) > 1:
            described["characters"] = [
                {"row": each.row, **each.prediction.describe()} for each in self.characters
            ]
        if self.note:
            described["note"] = self.note
        return described


@dataclass(frozen=True)
class Character:
    """A character that was found in an image.

    Args:
        prediction: What it is.
        row: The number of its line, from 0 at the top.
        image: `(rows, columns, channels)` uint8, as the network sees it.
    """

    prediction: Prediction
    row: int
    image: np.ndarray


def join_characters(characters: Sequence[Character]) -> str:
    """Return the text of characters, lines separated by a space, unknown characters as `?`."""
    names = [each.prediction.predicted if each.prediction.known else "?" for each in characters]
    separator = "" if all(len(name) == 1 for name in names) else " "
    rows = sorted({each.row for each in characters})
    lines = [
        separator.join(
            name for name, each in zip(names, characters, strict=True) if each.row == row
        )
        for row in rows
    ]
    return " ".join(lines)
