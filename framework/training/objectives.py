"""The loss, optimizer, metrics and class weights of a training, built from the config."""

from collections.abc import Mapping

import keras
import numpy as np

from framework.config import catalog
from framework.config.model import KerasObject, TrainingConfig
from framework.errors import RunError


def takes_one_hot(loss: KerasObject) -> bool:
    """Return whether a loss takes one-hot labels, `(n, classes)`, instead of `(n,)` int."""
    return catalog.wants_one_hot("losses", loss.name)


def build_loss(loss: KerasObject) -> keras.losses.Loss:
    """Build the loss by its class name or its snake-case name."""
    return getattr(keras.losses, catalog.find_class_name("losses", loss.name))(**loss.arguments)


def build_optimizer(optimizer: KerasObject) -> keras.optimizers.Optimizer:
    """Build a fresh optimizer, without any state, and its learning-rate schedule."""
    arguments = dict(optimizer.arguments)
    if isinstance(schedule := arguments.get("learning_rate"), Mapping):
        arguments["learning_rate"] = keras.optimizers.schedules.deserialize(dict(schedule))
    return getattr(keras.optimizers, optimizer.name)(**arguments)


def build_metrics(config: TrainingConfig) -> list[keras.metrics.Metric]:
    """Build accuracy, in the form that fits the labels, and the metrics of the config."""
    accuracy = (
        keras.metrics.CategoricalAccuracy
        if takes_one_hot(config.loss)
        else keras.metrics.SparseCategoricalAccuracy
    )
    return [accuracy(name="accuracy"), *map(_build_metric, config.metrics)]


def _build_metric(metric: KerasObject) -> keras.metrics.Metric:
    """Build a metric under the name that callbacks monitor."""
    metric_class = getattr(keras.metrics, catalog.find_class_name("metrics", metric.name))
    log_name = catalog.find_entry("metrics", metric.name)["log_name"]
    return metric_class(**metric.arguments, name=log_name)


def weigh_classes(
    config: TrainingConfig, labels: np.ndarray, class_names: tuple[str, ...]
) -> Mapping[int, float] | None:
    """Turn `class_weight` into weights by label.

    Args:
        config: `"balanced"` weighs each class by n / (classes * images of the class), after
            King and Zeng (2001), as scikit-learn's `compute_class_weight` does.
        labels: `(n,)` int64, of the training images.
        class_names: The name of each label.

    Raises:
        RunError: The config weighs a class that does not exist.
    """
    weights = config.class_weight
    if weights is None:
        return None
    if weights == "balanced":
        from sklearn.utils.class_weight import compute_class_weight

        present = np.unique(labels)
        balanced = compute_class_weight("balanced", classes=present, y=labels)
        return dict(zip(present.tolist(), balanced.tolist(), strict=True))
    unknown = sorted(set(weights) - set(class_names))
    if unknown:
        raise RunError(
            f"training_config.class_weight: there is no class {', '.join(map(repr, unknown))}. "
            f"The classes are {', '.join(map(repr, class_names))}."
        )
    # Keras wants a weight for every class that occurs.
    return {label: float(weights.get(name, 1.0)) for label, name in enumerate(class_names)}
