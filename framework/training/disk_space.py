"""Estimate of the disk space that a run needs, before anything is computed."""

import math
import shutil
from pathlib import Path

from framework.config.model import TrainingConfig
from framework.errors import RunError
from framework.models.classifier import Classifier
from framework.utils.text import format_bytes

# Variables are float32, in mixed precision too.
BYTES_PER_NUMBER = 4

# Numbers that an optimizer stores for each one that trains: Adam's two moments. Few store more.
OPTIMIZER_SLOTS = 2

# Tables, figures, report and log, generously estimated.
REPORT_BYTES = 10 * 10**6


def check_space(directory: Path, classifier: Classifier, settings: TrainingConfig) -> None:
    """Make sure that a run's own files fit on the disk; the feature store checks its own.

    Args:
        directory: The run directory; it exists.
        classifier: Frozen as the config says.
        settings: Whether and what is trained, and whether a callback saves models too.

    Raises:
        RunError: There is less space than the run will need.
    """
    # `model.keras`, and the one model that `ModelCheckpoint` keeps beside it.
    copies = 1 + ("ModelCheckpoint" in settings.call_backs_conf)
    models = copies * BYTES_PER_NUMBER * int(classifier.model.count_params())
    checkpoint = _estimate_checkpoint(classifier, settings)
    needed = models + checkpoint + REPORT_BYTES
    free = shutil.disk_usage(directory).free
    if free < needed:
        raise RunError(
            f"{directory}: the disk has {format_bytes(free)} free, but the run needs about "
            f"{format_bytes(needed)}: {format_bytes(models)} for models, "
            f"{format_bytes(checkpoint)} to be able to resume after an interruption, "
            f"{format_bytes(REPORT_BYTES)} for the report. Make room, or choose another place "
            "with --output."
        )


def _estimate_checkpoint(classifier: Classifier, settings: TrainingConfig) -> int:
    """Return the bytes of two checkpoints: the old one goes when the new one is complete."""
    if not settings.enable_training:
        return 0
    tuning = settings.fine_tuning
    backbone = classifier.list_backbone_layers()
    names = [layer.name for layer in backbone]
    tuned = backbone[names.index(tuning.unfreeze_from) :] if tuning else []
    numbers: int = sum(
        math.prod(weight.shape)
        for layer in classifier.model.layers
        if layer.trainable or layer in tuned
        for weight in layer.weights
    )
    return 2 * (1 + OPTIMIZER_SLOTS) * BYTES_PER_NUMBER * numbers
