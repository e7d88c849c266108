"""The confusion matrix of the test images as a table whose cells lead to their pictures."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from framework.data.images import Images
from framework.evaluation.figure_data.predicted_images import PredictedImages
from framework.evaluation.metrics.confusions import (
    MAX_CLASSES_WITH_NUMBERS,
    Confusion,
    normalize_rows,
)
from framework.evaluation.report.data_uri import embed_picture
from framework.evaluation.report.report_inputs import ReportInputs

MAX_PICTURES = 200
"""Pictures of all cells together: some hundred kB, and a second to read them from files."""

MAX_PICTURES_PER_CELL = 8

# Ends of a scale of blues, as RGB; black text is readable on the lighter half, white on the other.
_LIGHTEST, _DARKEST = np.array([232, 242, 250]), np.array([8, 64, 129])
_BLACK_FROM = 0.179  # relative luminance, where both have a contrast of 4.58 (WCAG 2.2, 1.4.3)


class Cell(NamedTuple):
    """A cell of the matrix: a true class and a predicted one, by their labels."""

    true: int
    predicted: int

    @property
    def anchor(self) -> str:
        """Where its pictures are on the page."""
        return f"cell-{self.true}-{self.predicted}"


def list_rows(matrix: np.ndarray) -> list[list[dict[str, Any]]]:
    """Return what the table shows of each cell; nothing if there are too many classes.

    Args:
        matrix: `(classes, classes)` int64, rows true, columns predicted.
    """
    if len(matrix) > MAX_CLASSES_WITH_NUMBERS:
        return []
    shares = normalize_rows(matrix)
    return [
        [
            {
                "anchor": Cell(true, predicted).anchor,
                "count": int(count),
                "share": float(shares[true, predicted]),
                "style": _color(float(shares[true, predicted])) if count else "",
            }
            for predicted, count in enumerate(row)
        ]
        for true, row in enumerate(matrix)
    ]


def _color(share: float) -> str:
    """Return the style of a cell: darker with the square root of its share."""
    rgb = np.rint(_LIGHTEST + (_DARKEST - _LIGHTEST) * share**0.5).astype(int)
    channels = rgb / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    text = "#000" if linear @ (0.2126, 0.7152, 0.0722) > _BLACK_FROM else "#fff"
    return f"background: rgb({rgb[0]} {rgb[1]} {rgb[2]}); color: {text}"


def collect_pictures(inputs: ReportInputs, confusions: Sequence[Confusion]) -> list[dict[str, Any]]:
    """Return the pictures of each cell that something on the page leads to.

    Of mistakes those with the highest confidence, of the others those with the lowest.

    Args:
        inputs: Of the report; few images are read.
        confusions: Those that the page lists.
    """
    images, predictions = inputs.images.get("test"), inputs.predictions["test"]
    if images is None:
        return []
    files = dict(enumerate(images.file_names))
    test = PredictedImages(predictions, images, inputs.class_names, inputs.subject, files=files)
    matrix = predictions.confusion_matrix
    cells = [Cell(each.true, each.predicted) for each in confusions]
    if len(matrix) <= MAX_CLASSES_WITH_NUMBERS:
        order = np.argsort(-matrix, axis=None, kind="stable")[: np.count_nonzero(matrix)]
        found = [Cell(*divmod(int(place), len(matrix))) for place in order]
        cells = sorted(found, key=lambda cell: cell.true == cell.predicted)
    members = {cell: _rank_members(test, cell) for cell in cells}
    chosen = set(islice(_take_round_robin(members), MAX_PICTURES))
    return [
        {
            "anchor": cell.anchor,
            "true": inputs.class_names[cell.true],
            "predicted": inputs.class_names[cell.predicted],
            "right": cell.true == cell.predicted,
            "count": len(positions),
            "shown": [_show(test, images, each) for each in positions if each in chosen],
        }
        for cell, positions in members.items()
    ]


def _rank_members(test: PredictedImages, cell: Cell) -> list[int]:
    predictions = test.predictions
    is_member = (predictions.true == cell.true) & (predictions.predicted == cell.predicted)
    positions = np.flatnonzero(is_member)
    confidence = np.nan_to_num(predictions.confidence[positions])
    sign = 1 if cell.true == cell.predicted else -1
    ranked: list[int] = positions[np.argsort(sign * confidence, kind="stable")].tolist()
    return ranked


def _take_round_robin(members: dict[Cell, list[int]]) -> Iterator[int]:
    """Yield the first position of each cell, then the second of each that has one, and so on."""
    for rank in range(MAX_PICTURES_PER_CELL):
        yield from (positions[rank] for positions in members.values() if len(positions) > rank)


def _show(test: PredictedImages, images: Images, position: int) -> dict[str, str]:
    (pixels,) = images.source.read(images.indices[position : position + 1])
    return {
        "uri": embed_picture(pixels),
        "name": images.file_names[position] if images.file_names else test.name_image(position),
        "confidence": test.format_confidence(position),
    }
