"""Predictions for image files, batch by batch."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from framework.data.image_files import format_path
from framework.errors import RunError
from framework.inference.image_batches import stream_batches
from framework.inference.polarity import Invert, describe_inversion
from framework.inference.trained_classifier import BATCH_SIZE, Prediction, TrainedClassifier


@dataclass(frozen=True)
class FilePrediction:
    """The prediction for one file, or the error why there is none."""

    image: str
    prediction: Prediction | None = None
    error: str | None = None

    def describe(self) -> dict[str, Any]:
        """Return the prediction or the error, ready for JSON."""
        outcome = self.prediction.describe() if self.prediction else {"error": self.error}
        return {"image": self.image, **outcome}


def predict_files(
    trained: TrainedClassifier, files: Sequence[Path], invert: Invert = "auto", top: int = 3
) -> Iterator[FilePrediction]:
    """Predict the classes of image files, with a progress bar for several batches.

    How many were inverted is said at the end, on standard error.

    Memory does not grow with the number of files, and predictions come in their order. For
    `invert` and `top` see `TrainedClassifier.predict`.
    """
    inverted = []

    def prepare(file: Path) -> np.ndarray:
        prepared, was_inverted = trained.prepare_inverted(file, invert)
        if was_inverted:
            inverted.append(file)
        return prepared

    batches = stream_batches(files, prepare, BATCH_SIZE)
    # `None` hides the bar where standard error is no terminal.
    hidden = None if len(files) > BATCH_SIZE else True
    with tqdm(total=len(files), unit=" images", disable=hidden) as progress:
        for batch in batches:
            prepared = [outcome for _, outcome in batch if isinstance(outcome, np.ndarray)]
            probabilities = trained.predict_prepared(prepared) if prepared else np.empty((0, 0))
            predictions = iter(trained.name_classes(probabilities, top))
            for file, outcome in batch:
                if isinstance(outcome, RunError):
                    yield FilePrediction(format_path(file), error=str(outcome))
                else:
                    yield FilePrediction(format_path(file), next(predictions))
            progress.update(len(batch))
    if inverted and invert == "auto":
        said = describe_inversion(len(inverted), trained.appearance, "--invert no")
        print(said, file=sys.stderr)
