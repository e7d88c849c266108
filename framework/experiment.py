"""The whole story of a run: a config in, a trained classifier and its results out."""

import logging
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from keras.callbacks import Callback

from framework.config import Config, dump_config
from framework.data import registry
from framework.data.dataset import Dataset
from framework.data.splits import Splits
from framework.distributed.cluster import Cluster
from framework.errors import DivergedError
from framework.evaluation.cross_validation import CrossValidation, cross_validate
from framework.evaluation.metrics.predict_split import predict_splits
from framework.evaluation.metrics.predictions import Predictions
from framework.evaluation.report.drawing import WORKER_MODULES
from framework.evaluation.report.figure_renderer import FigureRenderer
from framework.evaluation.report.figure_specs import list_curves, make_data_figure
from framework.evaluation.report.prediction_files import (
    write_folds,
    write_predictions,
    write_submission,
)
from framework.evaluation.report.report_inputs import ReportInputs, make_report_inputs
from framework.evaluation.report.write_report import start_report, write_report
from framework.evaluation.run_metrics import compute_run_metrics
from framework.features.feature_sources import Features
from framework.features.model_split import ModelSplit
from framework.features.prepare_head import prepare_head
from framework.models.builder import check_top, load_or_build_classifier
from framework.models.classifier import Classifier, write_classifier
from framework.models.freezing import unfreeze_layers
from framework.runs import run_directory
from framework.runs.announcements import announce_plan, announce_results
from framework.runs.manifest import RUN, describe_run, describe_start, write_environment
from framework.runs.recorded_splits import DatasetLoader, load_for_run, split_for_run
from framework.runs.run_directory import MODEL_FILE
from framework.runs.saved_model import resolve_saved_model
from framework.tracking.start_tracking import start_tracking
from framework.tracking.tracker import TrackedRun, Tracker
from framework.training.disk_space import check_space
from framework.training.solvers.calibration import calibrate_head
from framework.training.trainer import Trainer
from framework.training.training_result import TrainingResult
from framework.utils.files import fingerprint_file, write_json
from framework.utils.precision import use_precision
from framework.utils.timer import Timer
from framework.utils.worker_processes import warm_worker

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunOptions:
    """Options of a run that are not in its config.

    Args:
        extra_callbacks: Callbacks that see every epoch; see `Trainer`.
        with_report: Whether to draw figures and write `report.html`; `report_experiment`
            can do it later.
        cluster: Computes the features to be stored; this machine alone does if `None`.
        load_dataset: Loads the data set; a caller with several runs may keep it in memory.
        started: When the command was given, by `time.perf_counter`; `None` if there was none.
        command: What the user typed, or called, for the report.
    """

    extra_callbacks: Sequence[Callback] = ()
    with_report: bool = True
    cluster: Cluster | None = None
    load_dataset: DatasetLoader = registry.load_dataset
    started: float | None = None
    command: str | None = None


def start_experiment(
    config: Config,
    config_stem: str,
    output: Path | None = None,
    options: RunOptions = RunOptions(),
) -> Path:
    """Check what can be checked beforehand, and run in a new run directory.

    Args:
        config: What to do.
        config_stem: Name of the config file without its ending; names the results folder.
        output: The run directory; by default one under `results/`.
        options: See `RunOptions`.

    Returns:
        The run directory, finished.

    Raises:
        ConfigError: The declared top does not fit the backbone or the classes.
        RunError: Data or weights are not available, or a file can't be written.
        DivergedError: The training has diverged; its report is written all the same.
    """
    config = resolve_saved_model(config, config_stem)
    check_top(config)
    directory = run_directory.create_run(config_stem, output)
    run_experiment(config, directory, options)
    return directory


def run_experiment(config: Config, directory: Path, options: RunOptions = RunOptions()) -> None:
    """Train, evaluate and report, or continue a run that was interrupted.

    Args:
        config: What to do.
        directory: The run directory; see `framework.runs.run_directory`.
        options: See `RunOptions`.

    Raises:
        ConfigError, RunError, DivergedError: As `start_experiment` raises them.
    """
    training, timer = config.training_config, Timer(options.started)
    precision = use_precision(training.precision)
    with run_directory.open_run(directory), precision, ExitStack() as stack:
        write_json(directory / "config.json", dump_config(config))

        with timer.measure("data"):
            dataset, data_fallback = load_for_run(directory, config, options.load_dataset)
            splits, notes = split_for_run(directory, dataset, config, options.load_dataset)

        with timer.measure("model"):
            located = run_directory.locate_model(config)
            names = dataset.class_names, dataset.name
            classifier, weights_fallback = load_or_build_classifier(located, *names)
        described = describe_run(located, dataset, classifier, (data_fallback, weights_fallback))
        described[RUN] = describe_start(directory, options.command, config, options.started)
        environment = write_environment(directory, described, notes)
        announce_plan(environment, splits, classifier)
        check_space(directory, classifier, training)
        renderer = None
        if options.with_report:
            renderer = _start_renderer(classifier, splits, config, environment["subject"])

        tracked = TrackedRun(directory, config, environment, classifier)
        tracker = stack.enter_context(start_tracking(tracked))
        trainer = _make_trainer(tracked, tracker, options)
        trained = _train(trainer, classifier, splits, config, options.cluster, timer)
        history, epoch = trained.result.history, trained.result.model_epoch
        if options.cluster is not None:
            environment = {**environment, "ray": options.cluster.describe()}
        if renderer is not None:
            renderer.start(list_curves(history, config, epoch, environment["subject"]))

        with timer.measure("evaluation"):
            classifier, predictions, metrics = _evaluate(classifier, trained, config)
        metrics |= {"timing": timer.seconds}
        record = {"environment": environment, "metrics": metrics}
        inputs = make_report_inputs(config, classifier, splits, predictions, record, history)
        with timer.measure("report"):
            if renderer is not None:
                start_report(inputs, renderer)
            _write_tables(directory, inputs, dataset, classifier, trained.validated)
        _write_results(directory, inputs, classifier, renderer, timer)
        tracker.finish(history, metrics)
        if (divergence := trained.result.divergence) is not None:
            shown = directory / ("report.html" if options.with_report else "metrics.json")
            raise DivergedError(
                f"{divergence}\nWhat the weights before, {divergence.weights}, are worth: {shown}"
            )
    announce_results(metrics, directory, config)


def _start_renderer(
    classifier: Classifier, splits: Splits, config: Config, subject: str
) -> FigureRenderer:
    """Begin to draw the data: by another process, if there is one, while the top trains."""
    renderer = FigureRenderer()
    renderer.start([make_data_figure(splits.by_name(), classifier.class_names, subject, config)])
    warm_worker(WORKER_MODULES)
    return renderer


def _make_trainer(tracked: TrackedRun, tracker: Tracker, options: RunOptions) -> Trainer:
    """Return the trainer, whose epochs the tracker records."""
    callbacks = [*options.extra_callbacks, *tracker.callbacks]
    return Trainer(tracked.classifier, tracked.config, tracked.directory, callbacks)


@dataclass(frozen=True)
class _Trained:
    """What a training leaves.

    Args:
        split: The last phase's split classifier.
        features: What its head reads.
        result: The result of the training.
        validated: That of the cross-validation before it, if the config wants one.
    """

    split: ModelSplit
    features: Mapping[str, Features]
    result: TrainingResult
    validated: CrossValidation | None


def _train(
    trainer: Trainer,
    classifier: Classifier,
    splits: Splits,
    config: Config,
    cluster: Cluster | None,
    timer: Timer,
) -> _Trained:
    """Train phase after phase, each on the features at its own split point."""
    with timer.measure("features"):
        split, features = prepare_head(classifier, splits, config, cluster)
    result, validated = TrainingResult(trainer.history), None
    if trainer.phases and (count := config.training_config.folds):
        with timer.measure("folds"):
            images = features["training"]
            validated = cross_validate(classifier, split, images, config, count, trainer.directory)
    for phase in trainer.phases:
        if phase.unfreeze_from is not None:
            with timer.measure("features"):
                unfreeze_layers(classifier.list_backbone_layers(), phase.unfreeze_from)
                split, features = prepare_head(classifier, splits, config, cluster)
        with timer.measure("training"):
            result = trainer.train(phase, split.head, features)
        if result.divergence is not None:
            break
    if trainer.phases and result.divergence is None and config.training_config.calibration:
        temperature = calibrate_head(split.head, features["validation"])
        result = replace(result, temperature=temperature)
        logger.info("Calibrated: the logits are divided by %.3g", temperature)
    return _Trained(split, features, result, validated)


def _evaluate(
    classifier: Classifier, trained: _Trained, config: Config
) -> tuple[Classifier, dict[str, Predictions], dict[str, Any]]:
    """Return the classifier, which knows now what is unknown, its predictions and its metrics."""
    head, loss = trained.split.head, config.training_config.loss
    predictions, novelty = predict_splits(head, trained.features, loss, classifier.novelty)
    classifier = replace(classifier, novelty=novelty)
    ends = config, trained.result, trained.validated
    return classifier, predictions, compute_run_metrics(predictions, classifier, *ends)


def _write_tables(
    directory: Path,
    inputs: ReportInputs,
    dataset: Dataset,
    classifier: Classifier,
    validated: CrossValidation | None,
) -> None:
    """Write the predictions of all test images, of each fold, and of unlabeled images."""
    names, files = classifier.class_names, inputs.images["test"].file_names
    write_predictions(directory / "predictions_test.csv", inputs.predictions["test"], names, files)
    if validated is not None:
        write_folds(directory / "predictions_folds.csv", validated, names)
    if dataset.unlabeled is not None:
        submission, settings = directory / "submission.csv", inputs.config.data_config
        write_submission(submission, classifier, dataset.unlabeled, settings)


def _write_results(
    directory: Path,
    inputs: ReportInputs,
    classifier: Classifier,
    renderer: FigureRenderer | None,
    timer: Timer,
) -> None:
    """Write the model while the figures are drawn, the report, and what makes a run complete."""
    with ExitStack() as stack:
        with timer.measure("saving"):
            model_file = directory / MODEL_FILE
            unfinished = stack.enter_context(write_classifier(classifier, model_file))
            model = {"sha256": fingerprint_file(unfinished)}
        with timer.measure("report"):
            if renderer is not None:
                write_report(directory, inputs, renderer)
    # These come last; the time for the report is in the metrics by now.
    write_json(directory / "environment.json", {**inputs.environment, "model": model})
    write_json(directory / "metrics.json", inputs.metrics)
