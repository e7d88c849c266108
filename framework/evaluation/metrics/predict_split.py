"""Predict the un-augmented images of a split."""

from collections.abc import Mapping

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from framework.config.model import KerasObject
from framework.errors import RunError
from framework.evaluation.metrics.predictions import Predictions
from framework.features.feature_sources import Features
from framework.features.model_split import unpack_single
from framework.training.objectives import build_loss, takes_one_hot


def predict_split(
    head: keras.Model, features: Features, loss: KerasObject, title: str
) -> Predictions:
    """Predict all images of a split.

    Args:
        head: From features to probabilities `(n, classes)`.
        features: Its inputs; view 0, the un-augmented images.
        loss: Its mean over the images is computed, without any regularization term.
        title: The split, for the progress bar.

    Returns:
        The predictions, which need not be finite numbers; see `check_finite`.
    """
    # Not `predict`, which runs as the head was compiled to train: the probabilities are to be
    # the same to the last bit whether the head was trained just now or loaded.
    signature = [tf.TensorSpec((None, *spec.shape), spec.dtype) for spec in features.specs]
    infer = tf.function(
        lambda inputs: head(inputs, training=False), input_signature=[unpack_single(signature)]
    )
    loss_function = build_loss(loss)
    labels = features.images.labels
    probabilities: list[np.ndarray] = []
    total, count = 0.0, 0
    with tqdm(total=len(labels), desc=title, unit=" images", leave=False) as progress:
        for block in features.stream(np.arange(len(labels))):
            output = infer(unpack_single(block)).numpy()
            target = labels[count : count + len(output)]
            if takes_one_hot(loss):
                target = tf.one_hot(target, output.shape[-1])
            total += float(np.mean(loss_function(target, output))) * len(output)
            count += len(output)
            probabilities.append(output)
            progress.update(len(output))
    return Predictions(
        indices=features.images.indices,
        true=labels,
        probabilities=np.concatenate(probabilities),
        loss=total / count,
    )


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
