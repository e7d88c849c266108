"""A look at the pictures themselves: sizes, brightness, rotation and a thumbnail of each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from PIL import Image
from tqdm import tqdm

from framework.data.image_files import ORIENTATION, read_image
from framework.data.images import Images
from framework.data.source import FolderSource
from framework.evaluation.data_issues.data_issue import (
    BLANK,
    EXIF_ROTATION,
    EXTREME_SHAPE,
    NEARLY_BLACK,
    TINY,
    DataIssue,
)
from framework.evaluation.data_issues.near_duplicates import SIDE
from framework.utils.bounded_map import bounded_map

# The shorter side of a picture that shows enough to be told from others, in pixels.
COMPARABLE_SIDE = 16
# Gray levels between the darkest and the lightest pixel of a blank picture.
BLANK_RANGE = 8
# The gray level that 99 of 100 pixels of a nearly black picture don't exceed.
BLACK_LEVEL = 24
BLACK_SHARE = 99
# A tiny picture has less than this share of the shorter side that pictures have.
TINY_SHARE = 0.25
# The proportions of an extreme shape differ from the usual ones by this factor.
EXTREME_FACTOR = 3.0
# If EXIF turns more pictures than this share, and more than so many, that is how they are saved.
ROTATED_SHARE, ROTATED_COUNT = 0.05, 20


@dataclass(frozen=True)
class SurveyedPicture:
    """What is to know of a picture.

    Args:
        rows: Its height in pixels, after a rotation.
        columns: Its width.
        contrast: Gray levels between its darkest and its lightest pixel.
        brightness: The gray level that 99 of 100 pixels don't exceed.
        rotated: Whether its EXIF data turn it.
        thumbnail: `(SIDE, SIDE)` uint8, gray, stretched to the square.
    """

    rows: int
    columns: int
    contrast: int
    brightness: float
    rotated: bool
    thumbnail: np.ndarray

    @property
    def comparable(self) -> bool:
        """Whether it shows enough to be told from others."""
        return self.contrast > BLANK_RANGE and min(self.rows, self.columns) >= COMPARABLE_SIDE


def survey_pictures(splits: Sequence[Images]) -> list[SurveyedPicture]:
    """Read all pictures once, in order.

    Raises:
        RunError: A file is missing or damaged since it was checked.
    """
    total = sum(map(len, splits))
    with tqdm(total=total, desc="pictures", unit=" images", leave=False) as progress:
        found = []
        for images in splits:
            for surveyed in bounded_map(lambda read: survey_picture(*read()), _list_reads(images)):
                found.append(surveyed)
                progress.update()
        return found


def _list_reads(images: Images) -> Iterator[partial[tuple[Image.Image, bool]]]:
    source = images.source
    for index in images.indices.tolist():
        if isinstance(source, FolderSource):
            yield partial(_read_file, source, index)
        else:
            yield partial(lambda pixels: (Image.fromarray(pixels), False), source.images[index])


def _read_file(source: FolderSource, index: int) -> tuple[Image.Image, bool]:
    image = read_image(source.paths[index])
    return image, image.info[ORIENTATION] != 1


def survey_picture(image: Image.Image, rotated: bool = False) -> SurveyedPicture:
    """Measure a picture in mode `L` or `RGB`."""
    gray = image.convert("L")
    counts = np.array(gray.histogram())
    levels = np.flatnonzero(counts)
    cumulative = np.cumsum(counts) / counts.sum()
    thumbnail = gray.resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    return SurveyedPicture(
        rows=image.height,
        columns=image.width,
        contrast=int(levels[-1] - levels[0]),
        brightness=float(np.searchsorted(cumulative, BLACK_SHARE / 100)),
        rotated=rotated,
        thumbnail=np.asarray(thumbnail),
    )


def find_defects(pictures: Sequence[SurveyedPicture]) -> list[DataIssue]:
    """Find pictures that are blank, nearly black, tiny, of an extreme shape, or turned by EXIF."""
    sides = np.array([min(picture.rows, picture.columns) for picture in pictures])
    ratios = np.array([picture.columns / picture.rows for picture in pictures])
    usual_side, usual_ratio = float(np.median(sides)), float(np.median(ratios))
    factors = np.maximum(ratios / usual_ratio, usual_ratio / ratios)
    rotated = sum(picture.rotated for picture in pictures)
    lists_rotated = rotated <= max(ROTATED_COUNT, ROTATED_SHARE * len(pictures))
    issues = []
    for position, picture in enumerate(pictures):
        if picture.contrast <= BLANK_RANGE:
            issues.append(DataIssue(position, BLANK, 1 - picture.contrast / 255))
        elif picture.brightness <= BLACK_LEVEL:
            issues.append(DataIssue(position, NEARLY_BLACK, 1 - picture.brightness / 255))
        if sides[position] < TINY_SHARE * usual_side:
            issues.append(DataIssue(position, TINY, 1 - sides[position] / usual_side))
        if factors[position] >= EXTREME_FACTOR:
            issues.append(DataIssue(position, EXTREME_SHAPE, 1 - 1 / factors[position]))
        if picture.rotated and lists_rotated:
            issues.append(DataIssue(position, EXIF_ROTATION, 0.5))
    return issues
