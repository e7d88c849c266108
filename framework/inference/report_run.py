"""The report of a finished run that was made without."""

from pathlib import Path

from framework.config import load_run_config
from framework.data import registry
from framework.evaluation.metrics.predict_split import predict_splits
from framework.evaluation.report.report_inputs import make_report_inputs
from framework.evaluation.report.write_report import write_report
from framework.features.prepare_head import prepare_head
from framework.models.builder import load_fitting_classifier
from framework.runs import run_directory
from framework.runs.recorded_splits import DatasetLoader, load_for_run, split_for_run
from framework.runs.records import load_runs
from framework.runs.run_directory import MODEL_FILE
from framework.utils.precision import use_precision


def report_run(directory: Path, load_dataset: DatasetLoader = registry.load_dataset) -> None:
    """Draw the figures and write `report.html` of a finished run that was made without.

    Args:
        directory: The run directory.
        load_dataset: Loads the data set.

    Raises:
        RunError: The run's data or model is not available, or a file can't be written.
    """
    record = load_runs([directory])[0]
    config = load_run_config(directory)
    dataset, _ = load_for_run(directory, config, load_dataset)
    splits, _ = split_for_run(directory, dataset, config, load_dataset)
    model_file = run_directory.verify_model_file(directory / MODEL_FILE)
    shape = config.data_config.image_shape.as_tuple
    classifier = load_fitting_classifier(model_file, shape, dataset.class_names)
    with use_precision(config.training_config.precision):
        split, features = prepare_head(classifier, splits, config)
        loss = config.training_config.loss
        predictions, _ = predict_splits(split.head, features, loss, classifier.novelty)
        written = {"environment": record.environment, "metrics": record.metrics}
        inputs = make_report_inputs(
            config, classifier, splits, predictions, written, record.history
        )
        write_report(directory, inputs)
