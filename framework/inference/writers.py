"""Predictions as lines of text, JSON or CSV, each written as soon as it is known."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Mapping
from typing import IO, Any

from framework.inference.predict_files import FilePrediction

# Writes answers with so many classes each, and tells how many of them are errors.
Writer = Callable[[Iterable[FilePrediction], IO[str], int], int]


def write_text(answers: Iterable[FilePrediction], stream: IO[str], top: int) -> int:
    """Write a line for each image: its name, the class, how sure, and what else it may be."""
    failures = 0
    for answer in answers:
        if answer.prediction is None:
            failures += 1
            stream.write(f"{answer.error}\n")
            continue
        found = answer.prediction
        others = ", ".join(f"{name} {100 * share:.1f} %" for name, share in found.top[1:])
        line = f"{answer.image}: {found.predicted}  {100 * found.confidence:.1f} %"
        stream.write(f"{line}  ({others})\n" if others else f"{line}\n")
    return failures


def write_json(answers: Iterable[FilePrediction], stream: IO[str], top: int) -> int:
    """Write a list of objects with `image`, `predicted`, `confidence` and `top`, or `error`."""
    failures = 0
    separator = "[\n"
    for answer in answers:
        failures += answer.prediction is None
        stream.write(separator + json.dumps(_describe(answer), ensure_ascii=False))
        separator = ",\n"
    stream.write("\n]\n" if separator == ",\n" else "[]\n")
    return failures


def _describe(answer: FilePrediction) -> dict[str, Any]:
    if answer.prediction is None:
        return {"image": answer.image, "error": answer.error}
    return {"image": answer.image, **answer.prediction.describe()}


def write_csv(answers: Iterable[FilePrediction], stream: IO[str], top: int) -> int:
    """Write `image,predicted,confidence`, then each further class with its share, and `error`."""
    further = range(2, top + 1)
    header = [column for rank in further for column in (f"class_{rank}", f"confidence_{rank}")]
    table = csv.writer(stream, lineterminator="\n")
    table.writerow(["image", "predicted", "confidence", *header, "error"])
    failures = 0
    for answer in answers:
        found = answer.prediction
        failures += found is None
        shares = [value for pair in found.top for value in pair] if found else []
        padding = [""] * (2 * max(1, top) - len(shares))
        table.writerow([answer.image, *shares, *padding, answer.error or ""])
    return failures


WRITERS: Mapping[str, Writer] = {"text": write_text, "json": write_json, "csv": write_csv}
