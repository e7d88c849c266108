"""Predictions as lines of text, JSON or CSV, each written as soon as it is known."""

import csv
import json
from collections.abc import Callable, Iterable, Mapping
from typing import IO

from framework.inference.predict_files import FilePrediction

# Writes predictions with `top` classes each, and returns how many of them are errors.
Writer = Callable[[Iterable[FilePrediction], IO[str], int], int]


def write_text(predictions: Iterable[FilePrediction], stream: IO[str], top: int) -> int:
    """Write a line for each image: its name, the class, its probability, and other classes."""
    failures = 0
    for row in predictions:
        if row.prediction is None:
            failures += 1
            stream.write(f"{row.error}\n")
            continue
        found = row.prediction
        others = ", ".join(f"{name} {100 * value:.1f} %" for name, value in found.top[1:])
        line = f"{row.image}: {found.predicted}  {100 * found.confidence:.1f} %"
        stream.write(f"{line}  ({others})\n" if others else f"{line}\n")
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
    """Write `image,predicted,confidence`, then each further class and probability, and `error`."""
    further = [f"{name}_{rank}" for rank in range(2, top + 1) for name in ("class", "confidence")]
    table = csv.writer(stream, lineterminator="\n")
    table.writerow(["image", "predicted", "confidence", *further, "error"])
    failures = 0
    for row in predictions:
        failures += row.prediction is None
        ranked = [value for pair in row.prediction.top for value in pair] if row.prediction else []
        padding = [""] * (2 * max(1, top) - len(ranked))
        table.writerow([row.image, *ranked, *padding, row.error or ""])
    return failures


WRITERS: Mapping[str, Writer] = {"text": write_text, "json": write_json, "csv": write_csv}
