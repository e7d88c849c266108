"""Predict the un-augmented images of a split."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from framework.config.model import KerasObject
from framework.errors import RunError
from framework.evaluation.metrics.predictions import Predictions
from framework.features.feature_sources import Features
from framework.features.model_split import unpack_single
from framework.models.classifier import find_embedding
from framework.models.novelty import MAX_REFERENCES, NoveltyDetector, embed
from framework.training.objectives import build_loss, takes_one_hot


def predict_splits(
    head: keras.Model,
    features: Mapping[str, Features],
    loss: KerasObject,
    detector: NoveltyDetector | None = None,
) -> tuple[dict[str, Predictions], NoveltyDetector | None]:
    """Predict all splits, and fit a novelty detector on the way if there is none yet.

    Args:
        head: As `predict_split` takes it.
        features: `training`, of which a new detector keeps images; `validation`, which calibrates
            it; and others.
        loss: As `predict_split` takes it.
        detector: Measures the images; that of a classifier that was trained before.

    Returns:
        The predictions of each split, with the novelty of all but the training images; and the
        detector, `None` where the head has no layer to measure in.
    """
    references = _References(len(features["training"].images))
    add = references.add if detector is None else None
    predictions = {"training": predict_split(head, features["training"], loss, "training", add)}
    measured: dict[str, list[np.ndarray]] = {}
    calibrated, detector = detector, detector or references.fit_detector()
    for name in (name for name in features if name != "training"):
        found = measured[name] = []
        observe = None if detector is None else partial(_measure, detector, found)
        predicted = predict_split(head, features[name], loss, name, observe)
        novelty = np.concatenate(found) if found else None
        predictions[name] = replace(predicted, novelty=novelty)
    if detector is not None and calibrated is None:
        validation = np.sort(np.concatenate(measured["validation"]))
        detector = replace(detector, validation=validation)
    return {name: predictions[name] for name in features}, detector


def _measure(detector: NoveltyDetector, found: list[np.ndarray], embeddings: np.ndarray) -> None:
    found.append(detector.measure(embeddings))


class _References:
    """Collects the embeddings of evenly spaced images, given all of them in order."""

    def __init__(self, count: int) -> None:
        chosen = np.linspace(0, count - 1, min(count, MAX_REFERENCES))
        self._chosen = np.zeros(count, bool)
        self._chosen[chosen.round().astype(int)] = True
        self._seen = 0
        self._rows: list[np.ndarray] = []

    def add(self, embeddings: np.ndarray) -> None:
        """Take the embeddings `(k, size)` of the images that come next."""
        chosen = self._chosen[self._seen : self._seen + len(embeddings)]
        self._rows.append(embeddings[chosen])
        self._seen += len(embeddings)

    def fit_detector(self) -> NoveltyDetector | None:
        """Return a detector without validation; `None` if there were no embeddings."""
        return NoveltyDetector.fit(np.concatenate(self._rows)) if self._rows else None


def predict_split(
    head: keras.Model,
    features: Features,
    loss: KerasObject,
    title: str,
    observe: Callable[[np.ndarray], None] | None = None,
) -> Predictions:
    """Predict all images of a split.

    Args:
        head: From features to probabilities `(n, classes)`.
        features: Its inputs; view 0, the un-augmented images.
        loss: Its mean over the images is computed, without any regularization term.
        title: The split, for the progress bar.
        observe: Is given the embeddings `(k, size)` of the images, block by block, if the head
            has a layer that they can be taken from.

    Returns:
        The predictions, which need not be finite numbers; see `check_finite`.
    """
    # Not `predict`, which runs as the head was compiled to train: the probabilities are to be
    # the same to the last bit whether the head was trained just now or loaded.
    signature = [tf.TensorSpec((None, *spec.shape), spec.dtype) for spec in features.specs]
    embedding = find_embedding(head) if observe else None
    model = (
        head
        if embedding is None
        else keras.Model(unpack_single(head.inputs), [head.output, embedding])
    )
    # Concrete, since TensorFlow warns when a function is traced again and again, as for folds.
    infer = tf.function(
        lambda *inputs: keras.tree.flatten(model(unpack_single(inputs), training=False)),
        input_signature=signature,
    ).get_concrete_function()
    labels = features.images.labels
    probabilities: list[np.ndarray] = []
    total, count = 0.0, 0
    with tqdm(total=len(labels), desc=title, unit=" images", leave=False) as progress:
        for block in features.stream(np.arange(len(labels))):
            output, *embeddings = (tensor.numpy() for tensor in infer(*map(tf.constant, block)))
            if observe is not None and embeddings:
                observe(embed(embeddings[0]))
            target = labels[count : count + len(output)]
            total += compute_loss(loss, target, output) * len(output)
            count += len(output)
            probabilities.append(output)
            progress.update(len(output))
    return Predictions(
        indices=features.images.indices,
        true=labels,
        probabilities=np.concatenate(probabilities),
        loss=total / count,
    )


def compute_loss(loss: KerasObject, true: np.ndarray, probabilities: np.ndarray) -> float:
    """Return the mean loss of probabilities `(n, classes)` of images of classes `(n,)`."""
    target = tf.one_hot(true, probabilities.shape[-1]) if takes_one_hot(loss) else true
    return float(np.mean(build_loss(loss)(target, probabilities)))


def check_finite(predictions: Mapping[str, Predictions]) -> None:
    """Check that a classifier whose training did not diverge predicts finite numbers.

    Args:
        predictions: Split -> its predictions.

    Raises:
        RunError: A probability is not a finite number.
    """
    for split, predicted in predictions.items():
        if not np.isfinite(predicted.probabilities).all():
            raise RunError(
                f"The classifier's predictions for the {split} images are not finite numbers: "
                "its weights are damaged. Train it again."
            )
