"""The whole story of a run: a config in, a trained classifier and its results out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from keras.callbacks import Callback

from framework.config import Config, dump_config, load_config
from framework.config.model import DatasetConfig
from framework.data.dataset import Dataset
from framework.data.registry import load_dataset
from framework.data.sanity_checks import inspect_training
from framework.data.splits import Splits, split_dataset
from framework.distributed.cluster import Cluster
from framework.errors import DivergedError
from framework.evaluation.metrics.classification_metrics import compute_metrics
from framework.evaluation.metrics.predict_split import check_finite, predict_split
from framework.evaluation.metrics.predictions import Predictions
from framework.evaluation.report.prediction_files import write_predictions, write_submission
from framework.evaluation.report.report_inputs import ReportInputs
from framework.evaluation.report.write_report import write_report
from framework.features.feature_sources import Features
from framework.features.model_split import ModelSplit, split_model
from framework.features.pipeline import FeatureRequest, prepare_features
from framework.models.builder import (
    check_top,
    load_fitting_classifier,
    load_or_build_classifier,
)
from framework.models.classifier import Classifier, save_classifier
from framework.models.freezing import unfreeze_layers
from framework.runs import run_directory
from framework.runs.announcements import announce_plan, announce_results
from framework.runs.manifest import describe_provenance, note_changes
from framework.runs.records import load_runs
from framework.runs.run_directory import MODEL_FILE
from framework.training.disk_space import check_space
from framework.training.multi_device import find_devices
from framework.training.phases import count_stored_views, count_views
from framework.training.trainer import Trainer
from framework.utils.fallbacks import Fallback
from framework.utils.files import fingerprint_file, write_json
from framework.utils.timer import Timer

logger = logging.getLogger(__name__)

Obtain = Callable[[DatasetConfig], tuple[Dataset, Fallback | None]]
"""Loads a data set; whoever makes several runs may keep it for the next."""


def start_experiment(
    config: Config,
    config_stem: str,
    output: Path | None = None,
    extra_callbacks: Sequence[Callback] = (),
    with_report: bool = True,
    cluster: Cluster | None = None,
    obtain: Obtain = load_dataset,
) -> Path:
    """Check what can be checked beforehand, and run in a new run directory.

    Args:
        config: What to do.
        config_stem: Name of the config file without its ending; names the results folder.
        output: The run directory; by default one under `results/`.
        extra_callbacks: As `run_experiment` takes them.
        with_report: As `run_experiment` takes it.
        cluster: As `run_experiment` takes it.
        obtain: As `run_experiment` takes it.

    Returns:
        The run directory, finished.

    Raises:
        ConfigError: The declared top does not fit the backbone or the classes.
        RunError: Data or weights can't be had, or a file can't be written.
        DivergedError: The training has diverged; its report is written all the same.
    """
    config = run_directory.resolve_saved_model(config, config_stem)
    check_top(config)
    directory = run_directory.create_run(config_stem, output)
    run_experiment(config, directory, extra_callbacks, with_report, cluster, obtain)
    return directory


def run_experiment(
    config: Config,
    directory: Path,
    extra_callbacks: Sequence[Callback] = (),
    with_report: bool = True,
    cluster: Cluster | None = None,
    obtain: Obtain = load_dataset,
) -> None:
    """Train, evaluates and report, or go on with a run that was interrupted.

    Args:
        config: What to do.
        directory: The run directory; see `framework.runs.run_directory`.
        extra_callbacks: Callbacks that see every epoch; see `framework.training.trainer.Trainer`.
        with_report: Whether to draw pictures and write `report.html`; `report_experiment`
            can do it later.
        cluster: What computes the features to be stored; this machine alone if `None`.
        obtain: Where the data set comes from.

    Raises:
        ConfigError: The declared top does not fit the backbone or the classes.
        RunError: Data or weights can't be had, or a file can't be written.
        DivergedError: The training has diverged; its report is written all the same.
    """
    training, data = config.training_config, config.data_config
    watch = Timer()
    with run_directory.open_run(directory):
        write_json(directory / "config.json", dump_config(config))

        with watch.measure("data"):
            dataset, substitution = obtain(data.dataset)
            splits = split_dataset(dataset, data, training.seed)
            notes = inspect_training(splits.training, splits.validation, training.batch_size)

        with watch.measure("model"):
            located = run_directory.locate_model(config)
            classifier, fallback = load_or_build_classifier(located, dataset.class_names)
            provenance = describe_provenance(located, dataset, (substitution, fallback))
        environment = provenance.describe(config, classifier)
        notes += note_changes(directory, environment)
        environment["notes"] = notes
        write_json(directory / "environment.json", environment)
        announce_plan(environment["subject"], splits, classifier, notes)
        check_space(directory, classifier, config)

        trainer = Trainer(classifier, config, directory, extra_callbacks)
        cut, features = _train(trainer, classifier, splits, config, cluster, watch)
        if cluster is not None:
            environment["ray"] = cluster.describe()

        with watch.measure("evaluation"):
            predictions = predict_splits(cut, features, config)
            if trainer.divergence is None:
                check_finite(predictions)
            metrics = {
                name: compute_metrics(predicted, classifier.class_names)
                for name, predicted in predictions.items()
            }
        metrics |= {"parameters": classifier.count_parameters(), "timing": watch.seconds}
        if trainer.divergence is not None:
            metrics["diverged"] = trainer.divergence.describe()
        if trainer.solution is not None:
            metrics["solver"] = asdict(trainer.solution)

        with watch.measure("report"):
            table = directory / "predictions_test.csv"
            write_predictions(table, predictions["test"], classifier.class_names)
            if splits.unlabeled is not None:
                write_submission(directory / "submission.csv", classifier, splits.unlabeled)
            if with_report:
                evidence = ReportInputs(
                    config=config,
                    subject=environment["subject"],
                    class_names=classifier.class_names,
                    predictions=predictions,
                    images=splits.by_name(),
                    history=trainer.history,
                    environment=environment,
                    metrics=metrics,
                    classifier=classifier.model,
                )
                write_report(directory, evidence)

        # Last, so that a directory that holds them is complete.
        save_classifier(classifier, directory / MODEL_FILE)
        environment["model"] = {"sha256": fingerprint_file(directory / MODEL_FILE)}
        write_json(directory / "environment.json", environment)
        write_json(directory / "metrics.json", metrics)
        if trainer.divergence is not None:
            shown = directory / ("report.html" if with_report else "metrics.json")
            raise DivergedError(
                f"{trainer.divergence}\nWhat the weights before, {trainer.divergence.weights}, "
                f"are worth: {shown}"
            )
    announce_results(metrics, directory, config)


def _train(
    trainer: Trainer,
    classifier: Classifier,
    splits: Splits,
    config: Config,
    cluster: Cluster | None,
    watch: Timer,
) -> tuple[ModelSplit, dict[str, Features]]:
    """Train phase after phase, each on the features at its own freeze line.

    Returns:
        The cut of the last phase, and the features of each split for its head.
    """
    with watch.measure("features"):
        cut, features = prepare_head(classifier, splits, config, cluster)
    for phase in trainer.phases:
        if phase.unfreeze_from is not None:
            with watch.measure("features"):
                unfreeze_layers(classifier.list_backbone_layers(), phase.unfreeze_from)
                cut, features = prepare_head(classifier, splits, config, cluster)
        with watch.measure("training"):
            if (solver := config.training_config.solver) is not None:
                trainer.solve(solver, cut.head, features)
            else:
                trainer.train(phase, cut.head, features)
        if trainer.divergence is not None:
            break
    return cut, features


def report_experiment(directory: Path, obtain: Obtain = load_dataset) -> None:
    """Draw the pictures and write `report.html` of a finished run that was made without.

    Args:
        directory: Of the run.
        obtain: Where the data set comes from.

    Raises:
        RunError: The run's data or model can't be had, or a file can't be written.
    """
    record = load_runs([directory])[0]
    config = load_config(directory / "config.json")
    dataset, _ = obtain(config.data_config.dataset)
    splits = split_dataset(dataset, config.data_config, config.training_config.seed)
    model_file = run_directory.verify_model_file(directory / MODEL_FILE)
    shape = config.data_config.image_shape.as_tuple
    classifier = load_fitting_classifier(model_file, shape, dataset.class_names)
    cut, features = prepare_head(classifier, splits, config)
    evidence = ReportInputs(
        config=config,
        subject=record.subject,
        class_names=classifier.class_names,
        predictions=predict_splits(cut, features, config),
        images=splits.by_name(),
        history=record.history,
        environment=record.environment,
        metrics=record.metrics,
        classifier=classifier.model,
    )
    write_report(directory, evidence)


def prepare_head(
    classifier: Classifier, splits: Splits, config: Config, cluster: Cluster | None = None
) -> tuple[ModelSplit, dict[str, Features]]:
    """Cut a classifier at its freeze line and bring all splits up to it.

    Args:
        classifier: Its layers say what trains.
        splits: The images.
        config: How features are stored, and how many views of the training images.
        cluster: What computes the features to be stored; this machine alone if `None`.

    Returns:
        The cut, and the features of each split for its head.
    """
    cut = split_model(classifier.model, classifier.backbone_layers)
    views = {"training": count_stored_views(config)}
    wanted = {
        name: FeatureRequest(images, views.get(name, 1))
        for name, images in splits.by_name().items()
    }
    if cluster is not None and count_views(config) == "fresh":
        logger.info("Fresh augmentation: what epochs draw anew is computed on this machine.")
    training = config.training_config
    devices = find_devices(training.devices)
    return cut, prepare_features(cut, wanted, training.feature_cache, cluster, devices)


def predict_splits(
    cut: ModelSplit, features: Mapping[str, Features], config: Config
) -> dict[str, Predictions]:
    """Return what the head of a cut classifier says about each split."""
    loss = config.training_config.loss
    return {name: predict_split(cut.head, source, loss, name) for name, source in features.items()}
