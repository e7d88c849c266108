"""Views of the training images: how many augmented sets there are, and how many are stored."""

from typing import Literal

from framework.config.model import Config


def count_views(config: Config) -> int | Literal["fresh"]:
    """Return how many sets of augmented images training goes through: a number or `"fresh"`."""
    if not config.data_config.data_augmentation:
        return 1
    return config.training_config.feature_cache.augmented_views


def count_stored_views(config: Config) -> int:
    """Return how many views of the training images are worth storing."""
    views, training = count_views(config), config.training_config
    if views == "fresh" or not training.enable_training:
        return 1
    if training.solver is not None:
        return views
    # Epochs are counted through both phases, and the view changes with the epoch.
    tuning = training.fine_tuning
    return min(views, training.epochs + (tuning.epochs if tuning else 0))
