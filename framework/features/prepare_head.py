"""Prepares what is trained: the head of a classifier, and the features that it reads."""

import logging

from framework.config import Config
from framework.data.splits import Splits
from framework.distributed.cluster import Cluster
from framework.features.feature_sources import Features
from framework.features.model_split import ModelSplit, split_model
from framework.features.pipeline import FeatureRequest, prepare_features
from framework.features.views import count_stored_views, count_views
from framework.models.classifier import Classifier
from framework.utils.devices import find_devices

logger = logging.getLogger(__name__)


def prepare_head(
    classifier: Classifier, splits: Splits, config: Config, cluster: Cluster | None = None
) -> tuple[ModelSplit, dict[str, Features]]:
    """Split a classifier below its lowest trainable layer, and compute the features there.

    Args:
        classifier: Its layers say what trains.
        splits: The images.
        config: How features are stored, and how many views of the training images.
        cluster: Computes the features to be stored; this machine alone does if `None`.

    Returns:
        The split classifier, and the features of each selection of images for its head.
    """
    split = split_model(
        classifier.model, classifier.backbone_layers, config.model_configuration.model_name
    )
    views = {"training": count_stored_views(config)}
    wanted = {
        name: FeatureRequest(images, views.get(name, 1))
        for name, images in splits.by_name().items()
    }
    if cluster is not None and count_views(config) == "fresh":
        logger.info("Fresh augmentation: the features of each epoch are computed on this machine.")
    training = config.training_config
    devices = find_devices(training.devices)
    return split, prepare_features(split, wanted, training, cluster, devices)
