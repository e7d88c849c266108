"""The measurements of a probe: its rows, the best of them, and how they are written."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields

import numpy as np

from framework.probing.pooling import LayerOutput, Pooling
from framework.utils import tables


@dataclass(frozen=True)
class ProbeRow:
    """A row of `probe.csv`.

    Args:
        backbone: A Keras Application.
        layer: One of its layers.
        pooling: How its output was read.
        features: Numbers per image.
        shots: Training images per class, or `"all"`.
        validation_accuracy: In [0, 1], the mean over the draws.
        low: Lower end of the interval; see `framework.probing.linear_probe.Accuracy`.
        high: Upper end.
        seconds: For solving.
        output: The output of the layer; not in the file.
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
    output: LayerOutput = field(compare=False, repr=False)
    losses: np.ndarray = field(compare=False, repr=False)


def format_csv(rows: Sequence[ProbeRow]) -> str:
    """Return the rows as `probe.csv` has them."""
    columns = [column.name for column in fields(ProbeRow) if column.compare]
    return tables.format_csv(columns, ([getattr(row, name) for name in columns] for row in rows))


def list_shots(rows: Sequence[ProbeRow]) -> list[int | str]:
    """List the numbers of training images per class, ascending, with `"all"` last."""
    return sorted({row.shots for row in rows}, key=lambda shots: (isinstance(shots, str), shots))


def find_best(rows: Sequence[ProbeRow]) -> ProbeRow:
    """Find the best row, among those with the most training images per class.

    Accuracies on a few hundred images differ by chance, losses less so. Of the rows within one
    standard error of the highest accuracy, and then within one of the lowest loss, the one of
    the smallest layer is taken: the rule of Breiman et al., "Classification and Regression
    Trees" (1984), section 3.4.3.
    """
    most = list_shots(rows)[-1]
    rows = [row for row in rows if row.shots == most]
    images = len(rows[0].losses)
    highest = max(row.validation_accuracy for row in rows)
    error = math.sqrt(highest * (1 - highest) / images)
    rows = [row for row in rows if row.validation_accuracy >= highest - error]
    lowest = min(rows, key=lambda row: row.losses.mean())

    def is_as_good(row: ProbeRow) -> bool:
        differences = row.losses - lowest.losses  # In pairs: an image is hard for all of them.
        return bool(differences.mean() <= differences.std() / math.sqrt(images))

    return min(filter(is_as_good, rows), key=lambda row: (row.output.size, row.losses.mean()))


def format_heading(name_width: int, shots: Sequence[int | str]) -> str:
    """Return the heading of the console's table; see `format_line`."""
    columns = "".join(f"{number:>7}" for number in shots)
    return f"{'layer':<{name_width}}  {'shape':<18}  {'pooling':<7}  {'features':>8}  {columns}"


def format_line(rows: Sequence[ProbeRow], name_width: int) -> str:
    """Return the accuracies of one layer and pooling as a line of the table, in percent."""
    row = rows[0]
    accuracies = "".join(f"{100 * row.validation_accuracy:7.2f}" for row in rows)
    return (
        f"{row.layer:<{name_width}}  {row.output.description:<18}  {row.pooling:<7}  "
        f"{row.features:>8,}  {accuracies}"
    )


def explain_best(
    rows: Sequence[ProbeRow], backbone: str, own_layers: Sequence[str], images: int
) -> str:
    """Say how much accuracy a config loses by the layer that its own top reads.

    Args:
        rows: All rows of the probe.
        backbone: The config's own backbone.
        own_layers: The layers that the config's top reads.
        images: The number of validation images.
    """
    best = find_best(rows)
    found = (
        f"{best.layer} ({best.pooling}, {best.features:,} features)"
        f"{'' if best.backbone == backbone else f' of {best.backbone}'} reaches "
        f"{best.validation_accuracy:.2%} of {images:,} validation images"
    )
    candidates = [row for row in rows if row.backbone == backbone and row.layer in own_layers]
    if not candidates:
        return f"{found}. The config's own layer, {' and '.join(own_layers)}, was not probed."
    own = find_best(candidates)
    if (own.backbone, own.layer) == (best.backbone, best.layer):
        return f"The config's own layer is the best that was probed: {found}."
    loss = 100 * (best.validation_accuracy - own.validation_accuracy)
    return (
        f"{found}. The config's own layer, {own.layer}, reaches {own.validation_accuracy:.2%}: "
        f"it loses {loss:.2f} points."
    )
