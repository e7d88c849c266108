"""Messages at the start and at the end of a run."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from framework.config import Config
from framework.config.catalog import NO_BACKBONE
from framework.data.splits import Splits
from framework.models.classifier import Classifier
from framework.utils.environment import has_bfloat16_instructions

logger = logging.getLogger(__name__)

LONG_SECONDS = 30
"""Features that took longer are worth half the precision."""


def announce_plan(environment: Mapping[str, Any], splits: Splits, classifier: Classifier) -> None:
    """Log what is trained on what, and remarks about it.

    Args:
        environment: As `framework.runs.manifest.write_environment` returns it.
        splits: The images.
        classifier: To be trained.
    """
    parameters = classifier.count_parameters()
    counts = ", ".join(f"{len(images):,} {name}" for name, images in splits.by_name().items())
    classes = len(classifier.class_names)
    logger.info("%s: %d classes, %s images", environment["subject"], classes, counts)
    logger.info(
        "%s parameters, of which %s train",
        f"{parameters['total']:,}",
        f"{parameters['trainable']:,}",
    )
    for note in environment["notes"]:
        logger.warning("! %s", note)


def _stores_features(config: Config) -> bool:
    """Return whether the next run with another top reads what this one has stored."""
    model, cache = config.model_configuration, config.training_config.feature_cache
    frozen = model.model_name != NO_BACKBONE and model.trainable != "all"
    return frozen and cache.mode == "auto" and cache.augmented_views != "fresh"


def announce_results(metrics: Mapping[str, Any], directory: Path, config: Config) -> None:
    """Log the test accuracy, where the results are, and what can be done next."""
    test = metrics["test"]
    low, high = test["accuracy_interval"]
    count = sum(row["support"] for row in test["per_class"].values())
    logger.info("")
    logger.info(
        "Test accuracy %.2f %% on %s images (95 %% interval %.2f to %.2f %%)",
        100 * test["accuracy"],
        f"{count:,}",
        100 * low,
        100 * high,
    )
    if folds := metrics.get("folds"):
        accuracy = folds["accuracy"]
        logger.info(
            "Cross-validation accuracy %.2f %%, standard deviation %.2f %%, of %d folds",
            100 * accuracy["mean"],
            100 * accuracy["standard_deviation"],
            folds["count"],
        )
    if sentence := describe_model_epoch(metrics, config):
        logger.info("%s", sentence)
    timing = metrics["timing"]
    spent = ", ".join(f"{phase} {seconds:.1f}" for phase, seconds in timing.items())
    logger.info("Time      %.1f s: %s", sum(timing.values()), spent)
    logger.info("Results   %s", directory)
    logger.info("Look at   %s", directory / "report.html")
    logger.info("Next      python run.py predict --run %s IMAGE", directory)
    model, training = config.model_configuration, config.training_config
    if _stores_features(config):
        logger.info(
            "          or edit the config's top and run it again: stored features make it quick"
        )
    computed = metrics["timing"].get("features", 0.0) > LONG_SECONDS
    if computed and training.frozen_precision == "float32" and has_bfloat16_instructions():
        logger.info(
            "          or compute the frozen layers in about half the time: "
            "--set training_config.feature_cache.precision=bfloat16"
        )
    if model.model_name != NO_BACKBONE and model.trainable == "none":
        logger.info(
            "          or find the layer that the top should read: python run.py probe --config %s",
            directory / "config.json",
        )


def describe_model_epoch(metrics: Mapping[str, Any], config: Config) -> str:
    """Return which epoch a model is of, and which was best; an empty text without epochs."""
    if "model_epoch" not in metrics:
        return ""
    epoch, best = metrics["model_epoch"], metrics["best_epoch"]
    if epoch == best:
        return f"The model is of epoch {epoch}, which has the best validation loss."
    sentence = f"The model is of epoch {epoch}, but epoch {best} has the best validation loss."
    training = config.training_config
    early_stopping = training.call_backs_conf.get("EarlyStopping", {})
    if training.fine_tuning or early_stopping.get("restore_best_weights"):
        return sentence
    key = "training_config.call_backs_conf.EarlyStopping.restore_best_weights"
    return f"{sentence} To keep the best: {key}: true"
