"""What a probe has measured: its rows, the best of them, and how they are written."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields

import numpy as np

from framework.probing.pooling import LayerOutput, Pooling


@dataclass(frozen=True)
class Row:
    """A line of `probe.csv`.

    Args:
        backbone: A Keras Application.
        layer: One of its layers.
        pooling: What was read of the layer.
        features: Numbers of one image.
        shots: Images a class that were trained on; `"all"`.
        validation_accuracy: In [0, 1], the mean over the draws.
        low: Lower end of the interval; see `framework.probing.linear_probe.Accuracy`.
        high: Upper end.
        seconds: For solving.
        layer_size: Numbers that the layer gives for one image, which a run stores; not in the file.
        losses: Log-loss of each validation image; not in the file.
    """

    backbone: str
    layer: str
    pooling: Pooling
    features: int
    shots: int | str
    validation_accuracy: float
    low: float
    high: float
    seconds: float
    layer_size: int
    losses: np.ndarray = field(compare=False, repr=False)


def format_csv(rows: Sequence[Row]) -> str:
    """Return the rows as `probe.csv` has them."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    columns = [column.name for column in fields(Row)][:-2]
    writer.writerow(columns)
    writer.writerows([getattr(row, column) for column in columns] for row in rows)
    return text.getvalue()


def list_shots(rows: Sequence[Row]) -> list[int | str]:
    """List the numbers of images a class, the smallest first and `"all"` last."""
    found = dict.fromkeys(row.shots for row in rows)
    return sorted(found, key=lambda shots: (isinstance(shots, str), shots))


def select_most_images(rows: Sequence[Row]) -> list[Row]:
    """Select the rows from the largest number of images a class."""
    most = list_shots(rows)[-1]
    return [row for row in rows if row.shots == most]


def find_best(rows: Sequence[Row]) -> Row:
    """Find the row to build on, among those from the most images a class.

    Accuracies on a few hundred images differ by chance, losses less so. Of the rows within one
    standard error of the highest accuracy, and then within one of the lowest loss, the one of
    the smallest layer is taken: the rule of Breiman et al., "Classification and Regression
    Trees" (1984), section 3.4.3.
    """
    rows = select_most_images(rows)
    images = len(rows[0].losses)
    highest = max(row.validation_accuracy for row in rows)
    error = math.sqrt(highest * (1 - highest) / images)
    rows = [row for row in rows if row.validation_accuracy >= highest - error]
    lowest = min(rows, key=lambda row: row.losses.mean())

    def is_as_good(row: Row) -> bool:
        differences = row.losses - lowest.losses  # In pairs: an image is hard for all of them.
        return bool(differences.mean() <= differences.std() / math.sqrt(images))

    return min(filter(is_as_good, rows), key=lambda row: (row.layer_size, row.losses.mean()))


def describe_shape(output: LayerOutput) -> str:
    """Return the shape that is probed, and of what: `16x16x64 of 32x32`."""
    grid = "x".join(map(str, output.grid))
    return grid if output.factor == 1 else f"{grid} of {output.shape[0]}x{output.shape[1]}"


def format_heading(name_width: int, shots: Sequence[int | str]) -> str:
    """Return the heading of the table on the console; see `format_rows`."""
    columns = [f"{number:>7}" for number in shots]
    name, shape = "layer", "shape"
    return f"{name:<{name_width}}  {shape:<18}  {'pooling':<7}  {'features':>8}  {''.join(columns)}"


def format_rows(output: LayerOutput, rows: Sequence[Row], name_width: int) -> str:
    """Return the accuracies of a layer and a pooling as a line of the table, in percent."""
    row = rows[0]
    accuracies = [f"{100 * row.validation_accuracy:7.2f}" for row in rows]
    return (
        f"{row.layer:<{name_width}}  {describe_shape(output):<18}  {row.pooling:<7}  "
        f"{row.features:>8,}  {''.join(accuracies)}"
    )


def explain_best(rows: Sequence[Row], backbone: str, own: Sequence[str], images: int) -> str:
    """Say in one sentence what a config's own cut loses.

    Args:
        rows: All that was measured.
        backbone: The config's own.
        own: The layers that its top reads.
        images: How many validation images the accuracies are of.
    """
    best = find_best(rows)
    found = (
        f"{best.layer} ({best.pooling}, {best.features:,} features)"
        f"{'' if best.backbone == backbone else f' of {best.backbone}'} reaches "
        f"{best.validation_accuracy:.2%} of {images:,} validation images"
    )
    candidates = [row for row in rows if row.backbone == backbone and row.layer in own]
    if not candidates:
        return f"{found}. The config's own cut, {' and '.join(own)}, was not probed."
    cut = find_best(candidates)
    if (cut.backbone, cut.layer) == (best.backbone, best.layer):
        return f"The config's own cut is the best that was probed: {found}."
    loss = 100 * (best.validation_accuracy - cut.validation_accuracy)
    return (
        f"{found}. The config's own cut, {cut.layer}, reaches {cut.validation_accuracy:.2%}: "
        f"it loses {loss:.2f} points."
    )
