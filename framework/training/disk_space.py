"""The room that a run will need on the disk, looked for before anything is computed."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import keras

from framework.config import Config
from framework.errors import RunError
from framework.models.classifier import Classifier
from framework.utils.text import format_bytes

# Variables are kept in float32, in mixed precision too.
BYTES_PER_NUMBER = 4

# Numbers that an optimizer remembers for each one that trains: Adam's two moments. Few
# optimizers remember more.
OPTIMIZER_SLOTS = 2

# Tables, pictures, report and log, with room to spare.
REPORT_BYTES = 10 * 10**6


def check_space(directory: Path, classifier: Classifier, config: Config) -> None:
    """Make sure that a run's own files fit on the disk; the feature store sees to its own.

    Args:
        directory: The run directory; it exists.
        classifier: Frozen as the config says.
        config: Whether and what is trained, and whether a callback saves models too.

    Raises:
        RunError: There is less room than the run will need.
    """
    models = _estimate_models(classifier, config)
    checkpoint = _estimate_checkpoint(classifier, config)
    needed = models + checkpoint + REPORT_BYTES
    free = shutil.disk_usage(directory).free
    if free < needed:
        raise RunError(
            f"{directory}: the disk has {format_bytes(free)} free, but the run needs about "
            f"{format_bytes(needed)}: {format_bytes(models)} for models, "
            f"{format_bytes(checkpoint)} to be able to go on after an interruption, "
            f"{format_bytes(REPORT_BYTES)} for the report. Make room, or choose another place "
            "with --output."
        )


def _estimate_models(classifier: Classifier, config: Config) -> int:
    """Return bytes of `model.keras`, and of one model that `ModelCheckpoint` keeps beside it."""
    models = 1 + ("ModelCheckpoint" in config.training_config.call_backs_conf)
    return models * BYTES_PER_NUMBER * int(classifier.model.count_params())


def _estimate_checkpoint(classifier: Classifier, config: Config) -> int:
    """Return the bytes of two checkpoints: the old one goes when the new one is complete."""
    if not config.training_config.enable_training:
        return 0
    weights = [weight for layer in _list_trained(classifier, config) for weight in layer.weights]
    numbers: int = sum(math.prod(weight.shape) for weight in weights)
    return 2 * (1 + OPTIMIZER_SLOTS) * BYTES_PER_NUMBER * numbers


def _list_trained(classifier: Classifier, config: Config) -> list[keras.Layer]:
    """Return the layers that train in any phase."""
    tuning = config.training_config.fine_tuning
    backbone = classifier.list_backbone_layers()
    names = [layer.name for layer in backbone]
    tuned = backbone[names.index(tuning.unfreeze_from) :] if tuning else []
    return [layer for layer in classifier.model.layers if layer.trainable or layer in tuned]
