"""Results as tables for other programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from framework.evaluation.metrics.scores import Predictions
from framework.utils.files import write_text


def write_predictions(path: Path, predictions: Predictions, class_names: Sequence[str]) -> None:
    """Write `index,true,predicted,confidence`, one line an image, as CSV.

    Args:
        path: The file.
        predictions: What the classifier says; `index` counts in the source's own split.
        class_names: The name of each class, which is what the table shows.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["index", "true", "predicted", "confidence"])
    writer.writerows(
        [index, class_names[true], class_names[predicted], f"{confidence:.6f}"]
        for index, true, predicted, confidence in zip(
            predictions.indices.tolist(),
            predictions.true.tolist(),
            predictions.predicted.tolist(),
            predictions.confidence.tolist(),
            strict=True,
        )
    )
    write_text(path, text.getvalue())
