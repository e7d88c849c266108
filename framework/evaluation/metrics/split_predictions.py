"""What a classifier says about the un-augmented images of a split."""

from __future__ import annotations

from collections.abc import Mapping

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from framework.config.model import KerasObject
from framework.errors import RunError
from framework.evaluation.metrics.scores import Predictions
from framework.features.feature_sources import Features
from framework.features.model_split import unpack_single
from framework.training.objectives import build_loss, takes_one_hot


def predict_split(
    head: keras.Model, features: Features, loss: KerasObject, title: str
) -> Predictions:
    """Run the head over all images of a split.

    Args:
        head: From features to probabilities `(n, classes)`.
        features: What it reads; view 0, the images as they are.
        loss: Its mean over the images is taken, without any regularization term.
        title: The split, for the progress bar.

    Returns:
        Its answers, which need not be finite numbers; see `check_answers`.
    """
    # Not `predict`, which runs as the head was compiled to train: the answers are to be the
    # same to the last bit whether it was trained just now or loaded.
    signature = [tf.TensorSpec((None, *spec.shape), spec.dtype) for spec in features.specs]
    infer = tf.function(
        lambda inputs: head(inputs, training=False), input_signature=[unpack_single(signature)]
    )
    measure = build_loss(loss)
    labels = features.images.labels
    probabilities: list[np.ndarray] = []
    total, count = 0.0, 0
    with tqdm(total=len(labels), desc=title, unit=" images", leave=False) as progress:
        for block in features.stream(np.arange(len(labels))):
            output = infer(unpack_single(block)).numpy()
            target = labels[count : count + len(output)]
            if takes_one_hot(loss):
                target = tf.one_hot(target, output.shape[-1])
            total += float(np.mean(measure(target, output))) * len(output)
            count += len(output)
            probabilities.append(output)
            progress.update(len(output))
    return Predictions(
        indices=features.images.indices,
        true=labels,
        probabilities=np.concatenate(probabilities),
        loss=total / count,
    )


def check_answers(predictions: Mapping[str, Predictions]) -> None:
    """Make sure that a classifier, which has not diverged in training, give sound answers.

    Args:
        predictions: Split -> what the classifier says about it.

    Raises:
        RunError: A probability is no finite number.
    """
    for split, answers in predictions.items():
        if not np.isfinite(answers.probabilities).all():
            raise RunError(
                f"The classifier's answers to the {split} images are no finite numbers: its "
                "weights are broken. Train it anew."
            )
