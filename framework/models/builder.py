"""From a config to a classifier: checked, built, or loaded from an earlier run."""

import logging
from pathlib import Path

import keras

from framework.config import Config
from framework.config.class_names import find_class_names
from framework.errors import RunError
from framework.models.backbones import build_backbone
from framework.models.classifier import Classifier, build_classifier, load_classifier_file
from framework.models.top_validator import TopValidator
from framework.models.weights import load_pretrained_backbone
from framework.utils.fallbacks import Fallback
from framework.utils.graphs import without_weights
from framework.utils.precision import use_precision
from framework.utils.seed import set_seed

logger = logging.getLogger(__name__)


def check_top(config: Config) -> None:
    """Build the classifier, and run its top with random weights, before anything is loaded.

    The backbone has no weights here, which would take the most time. Nothing is checked if the
    classes are known only once the data set is loaded.

    Raises:
        ConfigError: The declared top does not fit the backbone or the classes.
    """
    dataset = config.data_config.dataset
    class_names = find_class_names(dataset.name, dataset.split)
    if class_names is None or not config.training_config.enable_training:
        return
    model = config.model_configuration
    shape = config.data_config.image_shape.as_tuple
    with use_precision(config.training_config.precision):
        with without_weights():
            arguments = model.model_arguments, model.preprocessing
            backbone = build_backbone(model.model_name, shape, None, *arguments)
        classifier = build_classifier(config, backbone, class_names)
        validator = TopValidator(model.model_top_config, config.source_map)
        validator.validate_forward(classifier.model, set(classifier.backbone_layers))


def load_or_build_classifier(
    config: Config, class_names: tuple[str, ...], data_name: str = ""
) -> tuple[Classifier, Fallback | None]:
    """Build the classifier to train, or load the trained one that the config names.

    The same seed gives a backbone the same random weights whatever the top, and the top
    the same whatever the backbone's weights.

    Args:
        config: Says which of the two, with `enable_training`.
        class_names: Those of the data set.
        data_name: See `build_classifier`.

    Returns:
        The classifier, and what its weights were replaced by if they were unavailable.

    Raises:
        ConfigError: The declared top does not fit the backbone or the classes.
        RunError: The weights or the model are unavailable, or do not fit.
    """
    if not config.training_config.enable_training:
        path = Path(str(config.model_configuration.saved_model))
        logger.info("Evaluating %s without training it", path)
        shape = config.data_config.image_shape.as_tuple
        return load_fitting_classifier(path, shape, class_names), None
    training = config.training_config
    with use_precision(training.precision):
        backbone, fallback = assemble_backbone(config)
        set_seed(training.seed, "top")
        return build_classifier(config, backbone, class_names, data_name), fallback


def assemble_backbone(
    config: Config, size: tuple[int, int] | None = None
) -> tuple[keras.Model, Fallback | None]:
    """Build a config's backbone with its weights, the same whatever is done with it.

    Args:
        config: Names the backbone, its weights and the shape of its images.
        size: Rows and columns of the images; by default those of the config.

    Returns:
        The backbone, and what its weights were replaced by if they were unavailable.

    Raises:
        RunError: The weights are unavailable or belong to another network.
    """
    set_seed(config.training_config.seed, "backbone")
    rows, columns, channels = config.data_config.image_shape.as_tuple
    rows, columns = size or (rows, columns)
    with use_precision(config.training_config.precision):
        return load_pretrained_backbone(config.model_configuration, (rows, columns, channels))


def load_fitting_classifier(
    path: Path, image_shape: tuple[int, int, int], class_names: tuple[str, ...]
) -> Classifier:
    """Load a trained classifier, and make sure that it fits the data.

    Args:
        path: A `.keras` file written by a run.
        image_shape: `(rows, columns, channels)` of the config.
        class_names: Those of the data set.

    Raises:
        RunError: The file can't be read, or it does not fit.
    """
    classifier = load_classifier_file(path)
    if classifier.image_shape != image_shape:
        raise RunError(
            f"{path} takes images of shape {classifier.image_shape}, but "
            f"data_config.image_shape says {image_shape}."
        )
    if classifier.class_names != class_names:
        raise RunError(
            f"{path} has other classes than the data set: "
            f"{', '.join(classifier.class_names[:5])} … and {', '.join(class_names[:5])} …"
        )
    return classifier
