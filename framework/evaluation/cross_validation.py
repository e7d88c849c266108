"""Cross-validation of the trained part of a classifier, on features that all folds share."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from framework.config import Config
from framework.config.reserved_files import CHECKPOINT, FOLDS
from framework.errors import RunError
from framework.evaluation.metrics.classification_metrics import compute_metrics
from framework.evaluation.metrics.predict_split import predict_split
from framework.evaluation.metrics.predictions import Predictions
from framework.features.feature_sources import Features, SelectedFeatures
from framework.features.model_split import ModelSplit
from framework.models.classifier import Classifier
from framework.training.trainer import Trainer
from framework.utils.files import DAMAGED_ARCHIVE, write_atomically
from framework.utils.worker_processes import call

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class CrossValidation:
    """What was predicted for each training image by a top that was trained without it.

    Args:
        predictions: Out of fold, in the order of the training images.
        folds: `(n,)` int64, the fold of each image, from 1.
    """

    predictions: Predictions
    folds: np.ndarray

    def describe(self, class_names: tuple[str, ...]) -> dict[str, Any]:
        """Return mean and spread of the folds, and the metrics out of fold, ready for JSON."""
        correct = self.predictions.correct
        accuracies = [float(correct[self.folds == fold].mean()) for fold in np.unique(self.folds)]
        return {
            "count": len(accuracies),
            "accuracy": {
                "mean": float(np.mean(accuracies)),
                "standard_deviation": float(np.std(accuracies, ddof=1)),
                "values": accuracies,
            },
            "out_of_fold": compute_metrics(self.predictions, class_names),
        }


def cross_validate(
    classifier: Classifier,
    split: ModelSplit,
    training: Features,
    config: Config,
    count: int,
    directory: Path,
) -> CrossValidation:
    """Train the head once for each fold of the training images, without that fold.

    All begin with the same weights, which the head has again at the end. Folds that are finished
    are not trained again when a run is resumed.

    Args:
        classifier: What the head is part of.
        split: The classifier, split; nothing below its head trains.
        training: The features of the training images, which are divided.
        config: How to train.
        count: How many folds.
        directory: The run directory; each fold has a folder in it.

    Raises:
        RunError: A class has fewer images than there are folds, or a training has diverged.
    """
    labels = training.images.labels
    sizes = np.bincount(labels, minlength=len(classifier.class_names))
    if (sizes < count).any():
        name = classifier.class_names[int(sizes.argmin())]
        raise RunError(
            f"training_config.folds: expected at most {sizes.min()}, the number of training images "
            f"of the class {name!r}. Found {count}."
        )
    variables = split.head.variables
    initial = [variable.numpy() for variable in variables]
    probabilities = np.empty((len(labels), len(classifier.class_names)), np.float32)
    folds, losses = np.empty(len(labels), np.int64), []
    divided = call(_divide, labels, count, config.training_config.seed)
    for fold, parts in enumerate(divided, start=1):
        file = directory / FOLDS / str(fold) / "predictions.npz"
        if not file.is_file():
            logger.info("Fold %d of %d", fold, count)
            found = _train_fold(classifier, split, training, parts, config, file.parent)
            _write(file, found)
            (file.parent / CHECKPOINT).unlink(missing_ok=True)
            for variable, value in zip(variables, initial, strict=True):
                variable.assign(value)
        probabilities[parts[1]], loss = _read(file)
        folds[parts[1]] = fold
        losses.append(loss * len(parts[1]))
    predictions = Predictions(
        training.images.indices, labels, probabilities, sum(losses) / len(labels)
    )
    return CrossValidation(predictions, folds)


def _divide(labels: np.ndarray, count: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the positions of the training and of the held-out images of each fold."""
    from sklearn.model_selection import StratifiedKFold

    return list(StratifiedKFold(count, shuffle=True, random_state=seed).split(labels, labels))


def _train_fold(
    classifier: Classifier,
    split: ModelSplit,
    training: Features,
    parts: tuple[np.ndarray, np.ndarray],
    config: Config,
    directory: Path,
) -> Predictions:
    """Train on the first part of the training images, and predict the second, which validates."""
    directory.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(classifier, config, directory)
    rest, held_out = (SelectedFeatures(training, positions) for positions in parts)
    (phase,) = trainer.phases
    result = trainer.train(phase, split.head, {"training": rest, "validation": held_out})
    if result.divergence is not None:
        raise RunError(f"training_config.folds: in {directory}, {result.divergence}")
    return predict_split(split.head, held_out, config.training_config.loss, directory.name)


def _write(file: Path, predictions: Predictions) -> None:
    with write_atomically(file) as temporary, temporary.open("wb") as stream:
        loss = np.array(predictions.loss)
        np.savez(stream, allow_pickle=False, probabilities=predictions.probabilities, loss=loss)


def _read(file: Path) -> tuple[np.ndarray, float]:
    try:
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            return archive["probabilities"], float(archive["loss"])
    except (TypeError, *DAMAGED_ARCHIVE) as error:
        raise RunError(f"{file} can't be read: {error}. Remove it, and resume again.") from error
