"""`PictureReader`: how pictures are read, the same for every command and for Python."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from PIL import Image, ImageOps

from framework.config.catalog import COVERAGE
from framework.errors import RunError
from framework.inference.polarity import Invert, check_invert, estimate_background, needs_inversion
from framework.inference.prediction import UNKNOWN, Character, Prediction, join_characters
from framework.utils.optional_dependencies import require_packages

if TYPE_CHECKING:
    from framework.inference.reading.segmentation import Glyph
    from framework.inference.trained_network import Outputs, TrainedNetwork

Frame = Literal["auto", "yes", "no"]

EMPTY = "there is nothing to read"
UNFRAMED = (
    "frame: the training images are no characters that are all framed alike, so that no picture "
    "can be framed like them. Leave it at 'auto'."
)
# How well both halves of a character must read, and by how much better than the whole; see
# `PictureReader._rate`. Measured on touching digits and on single ones, benchmarks/reading.py.
MIN_QUALITY, MIN_GAIN = 0.1, 0.2
# A character of the validation images has a novelty of at most this, nearly always.
TYPICAL_COVERAGE = 0.99
# How often halves are cut again.
MAX_ROUNDS = 3


@dataclass(frozen=True)
class ReadOptions:
    """How pictures are read.

    Args:
        invert: Whether images are inverted; `"auto"`: as the training images are.
        frame: Whether characters are found in a picture, and framed as the training images are;
            `"auto"`: if these are framed characters, and the picture has neither their size nor
            that of the network's input.
        coverage: The share of validation images that are known: what is further from the training
            images is unknown. 1: everything is known.
        top: How many of the most probable classes are named.
    """

    invert: Invert = "auto"
    frame: Frame = "auto"
    coverage: float = COVERAGE
    top: int = 3

    def check(self) -> None:
        """Raise a `RunError` if an option has another value than it can."""
        check_invert(self.invert)
        if self.frame not in get_args(Frame):
            raise RunError(f"frame: expected 'auto', 'yes' or 'no'. Found {self.frame!r}.")
        if not 0 < self.coverage <= 1:
            raise RunError(f"coverage: expected more than 0, at most 1. Found {self.coverage!r}.")
        if not isinstance(self.top, int) or self.top < 1:
            raise RunError(f"top: expected an integer of 1 or more. Found {self.top!r}.")


DEFAULTS = ReadOptions()


@dataclass(frozen=True)
class PreparedPicture:
    """A picture, ready for the network.

    Args:
        images: What the network is given: the whole picture, or each character.
        glyphs: The characters, if they were looked for.
        whole: The whole picture.
        inverted: Whether the whole picture was inverted.
        dark_on_light: Whether the network is given dark characters on a light ground.
        note: Why there are no characters, if so.
    """

    images: list[np.ndarray]
    whole: np.ndarray
    glyphs: list[Glyph] = field(default_factory=list)
    inverted: bool = False
    dark_on_light: bool = False
    note: str = ""

    @property
    def single(self) -> np.ndarray:
        """The only character, or the whole picture if there are none or several."""
        return self.images[0] if len(self.images) == 1 else self.whole


class PictureReader:
    """Reads pictures.

    Args:
        network: Classifies.
        options: See `ReadOptions`.

    Raises:
        RunError: An option has another value than it can, or the training images are not
            framed, so that `frame: yes` means nothing.
    """

    def __init__(self, network: TrainedNetwork, options: ReadOptions = DEFAULTS) -> None:
        options.check()
        if options.frame == "yes" and network.appearance.framing is None:
            raise RunError(UNFRAMED)
        self._network = network
        self._options = options
        self._threshold = network.find_threshold(options.coverage)

    def prepare(self, image: Image.Image) -> PreparedPicture:
        """Find the characters of a picture, or resize it as in training.

        Args:
            image: In mode `L` or `RGB`.

        Raises:
            RunError: A package is missing that finds characters.
        """
        inverted = needs_inversion(image, self._options.invert, self._network.appearance)
        whole = self._network.resize(ImageOps.invert(image) if inverted else image)
        if not self._frames(image):
            return PreparedPicture([whole], whole, inverted=inverted)
        require_packages(
            "Reading a page (--frame no: the picture as a whole)",
            {"cv2": "opencv-python-headless"},
            "reading",
        )
        from framework.inference.reading.page_reader import find_characters

        dark_on_light = self._network.appearance.polarity == "dark on light"
        if self._options.invert != "auto":
            dark_on_light = (estimate_background(image) > 127) != (self._options.invert == "yes")
        try:
            glyphs = find_characters(image)
        except RunError as error:
            return PreparedPicture([], whole, note=str(error))
        images = [self._frame(glyph, dark_on_light) for glyph in glyphs]
        note = "" if glyphs else EMPTY
        return PreparedPicture(images, whole, glyphs, dark_on_light=dark_on_light, note=note)

    def _frames(self, image: Image.Image) -> bool:
        framing = self._network.appearance.framing
        if self._options.frame != "auto" or framing is None:
            return self._options.frame == "yes"
        # An image as the data set has it, or as the network is given it, is framed already.
        rows, columns, _ = self._network.image_shape
        return image.size not in ((framing.side, framing.side), (columns, rows))

    def _frame(self, glyph: Glyph, dark_on_light: bool) -> np.ndarray:
        from framework.inference.reading.framing import frame_character

        framing = self._network.appearance.framing
        if framing is None:
            raise RunError(UNFRAMED)
        framed = frame_character(glyph.foreground, framing)
        return self._network.resize(255 - framed if dark_on_light else framed)

    def read(self, pictures: Sequence[PreparedPicture]) -> list[Prediction]:
        """Predict what pictures hold, all in as few batches as possible."""
        pictures = self._split_touching(pictures)
        outputs = self._network.compute([image for each in pictures for image in each.images])
        predictions, first = [], 0
        for picture in pictures:
            last = first + len(picture.images)
            named = [self._name(outputs, position) for position in range(first, last)]
            predictions.append(self._join(picture, named))
            first = last
        return predictions

    def _split_touching(self, pictures: Sequence[PreparedPicture]) -> list[PreparedPicture]:
        """Cut characters that touch, where the halves read better than the whole."""
        pictures = list(pictures)
        for _ in range(MAX_ROUNDS):
            changed = False
            for number, picture in enumerate(pictures):
                if (cut := self._split_widest(picture)) is not None:
                    pictures[number], changed = cut, True
            if not changed:
                break
        return pictures

    def _split_widest(self, picture: PreparedPicture) -> PreparedPicture | None:
        """Cut each character of a picture that reads better so; `None` if there is none."""
        if not picture.glyphs:
            return None
        from framework.inference.reading.touching import list_cuts, may_touch

        glyphs: list[Glyph] = []
        for glyph in picture.glyphs:
            pairs = list(list_cuts(glyph)) if may_touch(glyph) else []
            best: tuple[Glyph, ...] = (glyph,)
            if pairs:
                flat = [glyph, *(half for pair in pairs for half in pair)]
                images = [self._frame(each, picture.dark_on_light) for each in flat]
                qualities = self._rate(self._network.compute(images))
                halves = qualities[1:].reshape(-1, 2).min(axis=1)
                if halves.max() > max(MIN_QUALITY, qualities[0] + MIN_GAIN):
                    best = pairs[int(halves.argmax())]
            glyphs += best
        if len(glyphs) == len(picture.glyphs):
            return None
        images = [self._frame(each, picture.dark_on_light) for each in glyphs]
        return replace(picture, glyphs=glyphs, images=images)

    def _rate(self, outputs: Outputs) -> np.ndarray:
        """Return `(n,)`, how well characters read: by probability, and likeness to the training.

        It is 1 at best, and at most 0 for what is unknown.
        """
        typical = self._network.find_threshold(TYPICAL_COVERAGE)
        rated: np.ndarray = outputs.probabilities.max(axis=1) - outputs.novelty / typical
        return rated

    def _name(self, outputs: Outputs, position: int) -> Prediction:
        row, names = outputs.probabilities[position], self._network.class_names
        order = np.argsort(-row, kind="stable")
        top = tuple((names[label], float(row[label])) for label in order[: self._options.top])
        known = bool(outputs.novelty[position] <= self._threshold)
        best = names[int(row.argmax())]
        return Prediction(best if known else UNKNOWN, float(row.max()), top, known)

    def _join(self, picture: PreparedPicture, named: Sequence[Prediction]) -> Prediction:
        if not named:
            return Prediction(UNKNOWN, 0.0, (), known=False, note=picture.note)
        if not picture.glyphs:
            return named[0]
        characters = tuple(
            Character(prediction, glyph.row, image)
            for prediction, glyph, image in zip(named, picture.glyphs, picture.images, strict=True)
        )
        if len(characters) == 1:
            (only,) = named
            return Prediction(only.predicted, only.confidence, only.top, only.known, characters)
        unknown = sum(not each.known for each in named)
        if 2 * unknown > len(named):
            note = f"{unknown} of {len(named)} characters are unknown"
            return Prediction(UNKNOWN, 0.0, (), False, characters, note)
        text = join_characters(characters)
        confidence = math.prod(each.confidence for each in named)
        known = all(each.known for each in named)
        return Prediction(text, confidence, ((text, confidence),), known, characters)
