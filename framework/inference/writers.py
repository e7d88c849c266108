"""Predictions as lines of text, JSON or CSV, each written as soon as it is known."""

import csv
import json
from collections.abc import Callable, Iterable, Mapping
from typing import IO

from framework.inference.predict_files import FilePrediction

# Writes predictions with `top` classes each, and returns how many of them are errors.
Writer = Callable[[Iterable[FilePrediction], IO[str], int], int]


def write_text(predictions: Iterable[FilePrediction], stream: IO[str], top: int) -> int:
    """Write a line for each image: its name, the class, its probability, and other classes.

    An image that is unknown has no probability, but what it looks most like.
    """
    failures = 0
    for row in predictions:
        if row.prediction is None:
            failures += 1
            stream.write(f"{row.error}\n")
            continue
        found = row.prediction
        shares = [f"{name} {100 * value:.1f} %" for name, value in found.top]
        if found.known:
            details = f"  {100 * found.confidence:.1f} %"
            others = ", ".join(shares[1:])
        else:
            details, others = "", found.note
            if not others and len(found.characters) < 2:
                others = f"looks most like {', '.join(shares)}"
        stream.write(
            f"{row.image}: {found.predicted}{details}{f'  ({others})' if others else ''}\n"
        )
    return failures


def write_json(predictions: Iterable[FilePrediction], stream: IO[str], top: int) -> int:
    """Write a list of objects with `image`, `predicted`, `confidence` and `top`, or `error`."""
    failures = 0
    separator = "[\n"
    for row in predictions:
        failures += row.prediction is None
        stream.write(separator + json.dumps(row.describe(), ensure_ascii=False))
        separator = ",\n"
    stream.write("\n]\n" if separator == ",\n" else "[]\n")
    return failures


def write_csv(predictions: Iterable[FilePrediction], stream: IO[str], top: int) -> int:
    """Write `image,predicted,confidence`, further classes and probabilities, `known`, `error`."""
    further = [f"{name}_{rank}" for rank in range(2, top + 1) for name in ("class", "confidence")]
    table = csv.writer(stream, lineterminator="\n")
    table.writerow(["image", "predicted", "confidence", *further, "known", "error"])
    failures = 0
    for row in predictions:
        failures += row.prediction is None
        cells: list[object] = []
        known = ""
        if found := row.prediction:
            others = [value for pair in found.top[1:] for value in pair]
            cells, known = [found.predicted, found.confidence, *others], str(found.known).lower()
        padding = [""] * (2 * max(1, top) - len(cells))
        table.writerow([row.image, *cells, *padding, known, row.error or ""])
    return failures


WRITERS: Mapping[str, Writer] = {"text": write_text, "json": write_json, "csv": write_csv}
