"""From a config to a classifier: checked, built, or loaded from an earlier run."""

from __future__ import annotations

import logging
from pathlib import Path

import keras

from framework.config import Config
from framework.config.class_names import find_class_names
from framework.errors import RunError
from framework.models.backbones import build_backbone
from framework.models.classifier import Classifier, build_classifier, load_classifier_file
from framework.models.layer_errors import validate_forward
from framework.models.weights import load_pretrained_backbone
from framework.utils.fallbacks import Fallback
from framework.utils.seed import set_seed

logger = logging.getLogger(__name__)


def check_top(config: Config) -> None:
    """Build and try the classifier with random weights, before anything is loaded.

    A data set that only loading tells the classes of is checked after that.

    Raises:
        ConfigError: The declared top does not fit the backbone or the classes.
    """
    dataset = config.data_config.dataset
    class_names = find_class_names(dataset.name, dataset.split)
    if class_names is None or not config.training_config.enable_training:
        return
    keras.config.set_dtype_policy(config.training_config.precision)
    model = config.model_configuration
    shape = config.data_config.image_shape.as_tuple
    backbone = build_backbone(model.model_name, shape, arguments=model.model_arguments)
    validate_forward(config, build_classifier(config, backbone, class_names).model)


def load_or_build_classifier(
    config: Config, class_names: tuple[str, ...]
) -> tuple[Classifier, Fallback | None]:
    """Build the classifier to train, or load the trained one that the config names.

    Args:
        config: Says which of the two, with `enable_training`.
        class_names: Those of the data set.

    Returns:
        The classifier, and what its weights were replaced by if they could not be had.

    Raises:
        ConfigError: The declared top does not fit the backbone or the classes.
        RunError: The weights or the model can't be had, or do not fit.
    """
    if config.training_config.enable_training:
        return assemble_classifier(config, class_names)
    path = Path(str(config.model_configuration.saved_model))
    logger.info("Evaluating %s without training it", path)
    return load_fitting_classifier(path, config, class_names), None


def assemble_classifier(
    config: Config, class_names: tuple[str, ...]
) -> tuple[Classifier, Fallback | None]:
    """Build the classifier that a config describes, with its backbone's weights.

    The same seed draws the same weights for the backbone whatever the top, and for
    the top whatever the backbone's weights.

    Raises:
        ConfigError: The declared top does not fit the backbone or the classes.
        RunError: The weights can't be had or belong to another network.
    """
    backbone, substitution = assemble_backbone(config)
    set_seed(config.training_config.seed, "top")
    return build_classifier(config, backbone, class_names), substitution


def assemble_backbone(
    config: Config, size: tuple[int, int] | None = None
) -> tuple[keras.Model, Fallback | None]:
    """Build a config's backbone with its weights, the same whatever is done with it.

    Args:
        config: Names the backbone, its weights and the shape of its images.
        size: Rows and columns of the images; by default those of the config.

    Raises:
        RunError: The weights can't be had or belong to another network.
    """
    # For all that is built from now on: what is cut out of the classifier as well.
    keras.config.set_dtype_policy(config.training_config.precision)
    set_seed(config.training_config.seed, "backbone")
    rows, columns, channels = config.data_config.image_shape.as_tuple
    rows, columns = size or (rows, columns)
    return load_pretrained_backbone(config.model_configuration, (rows, columns, channels))


def load_fitting_classifier(path: Path, config: Config, class_names: tuple[str, ...]) -> Classifier:
    """Load a trained classifier, and make sure that it fits the config's data.

    Args:
        path: A `.keras` file written by a run.
        config: Its image shape must be the classifier's.
        class_names: Must be the classifier's.

    Raises:
        RunError: The file can't be read, or it does not fit.
    """
    classifier = load_classifier_file(path)
    shape = config.data_config.image_shape.as_tuple
    if classifier.image_shape != shape:
        raise RunError(
            f"{path} takes images of shape {classifier.image_shape}, but "
            f"data_config.image_shape says {shape}."
        )
    if classifier.class_names != class_names:
        raise RunError(
            f"{path} tells other classes apart than the data set has: "
            f"{', '.join(classifier.class_names[:5])} … and {', '.join(class_names[:5])} …"
        )
    return classifier
