"""Predictions as CSV files: of a labeled split, and for a competition."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from framework.config.model import DataConfig
from framework.data.dataset import UnlabeledImages
from framework.data.images import Images
from framework.evaluation.cross_validation import CrossValidation
from framework.evaluation.metrics.predictions import Predictions
from framework.models.classifier import Classifier
from framework.utils.files import write_text
from framework.utils.tables import format_csv

_BATCH_SIZE = 256


def write_predictions(
    path: Path,
    predictions: Predictions,
    class_names: Sequence[str],
    files: Sequence[str] = (),
    unknown: np.ndarray | None = None,
) -> None:
    """Write `index,true,predicted,confidence` and, where there are files, `file`, a row per image.

    Args:
        path: The file.
        predictions: The predictions; `index` counts in the source's own split.
        class_names: The name of each class, which the file contains in place of its number.
        files: The path of each image.
        unknown: `(n,)` bool, for a column of that name.
    """
    columns: list[Iterable[Any]] = [
        predictions.indices.tolist(),
        (class_names[label] for label in predictions.true.tolist()),
        (class_names[label] for label in predictions.predicted.tolist()),
        (f"{confidence:.6f}" for confidence in predictions.confidence.tolist()),
    ]
    header = ["index", "true", "predicted", "confidence"]
    if unknown is not None:
        columns.append(str(each).lower() for each in unknown.tolist())
        header.append("unknown")
    if files:
        columns.append(files)
        header.append("file")
    write_text(path, format_csv(header, zip(*columns, strict=True)))


def write_folds(path: Path, validated: CrossValidation, class_names: Sequence[str]) -> None:
    """Write what was predicted out of fold, with the probability of each class."""
    predictions = validated.predictions
    columns = [
        predictions.indices.tolist(),
        validated.folds.tolist(),
        (class_names[label] for label in predictions.true.tolist()),
        (class_names[label] for label in predictions.predicted.tolist()),
        *([f"{share:.6f}" for share in row.tolist()] for row in predictions.probabilities.T),
    ]
    header = ["index", "fold", "true", "predicted"]
    header += [f"probability_{name}" for name in class_names]
    write_text(path, format_csv(header, zip(*columns, strict=True)))


def write_submission(
    path: Path, classifier: Classifier, unlabeled: UnlabeledImages, data: DataConfig
) -> None:
    """Predict the unlabeled images of a competition, and write their IDs and class names.

    Args:
        path: The file.
        classifier: Predicts.
        unlabeled: The images, their IDs and the header of the file.
        data: How the images are prepared.
    """
    positions = np.arange(len(unlabeled.ids))
    images = Images(unlabeled.source, positions, data.image_shape.as_tuple, data.resize)
    predicted: list[str] = []
    with tqdm(total=len(images), desc="submission", unit=" images", leave=False) as bar:
        for start in range(0, len(images), _BATCH_SIZE):
            batch = images.read(positions[start : start + _BATCH_SIZE])
            labels = classifier.model.predict_on_batch(batch).argmax(axis=1)
            predicted += (classifier.class_names[label] for label in labels)
            bar.update(len(batch))
    rows = zip(unlabeled.ids, predicted, strict=True)
    write_text(path, format_csv(unlabeled.columns, rows))
