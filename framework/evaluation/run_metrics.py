"""The metrics of a run, as `metrics.json` holds them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from framework.config import Config
from framework.config.model import KerasObject
from framework.evaluation.cross_validation import CrossValidation
from framework.evaluation.metrics.calibration import compute_calibration_curve, undo_temperature
from framework.evaluation.metrics.classification_metrics import compute_split_metrics
from framework.evaluation.metrics.predict_split import check_finite, compute_loss
from framework.evaluation.metrics.predictions import Predictions
from framework.evaluation.metrics.selective import summarize_unknown
from framework.models.classifier import Classifier
from framework.training.training_result import TrainingResult
from framework.utils.worker_processes import call


def compute_run_metrics(
    predictions: Mapping[str, Predictions],
    classifier: Classifier,
    config: Config,
    result: TrainingResult,
    validated: CrossValidation | None,
) -> dict[str, Any]:
    """Compute all that `metrics.json` holds, but for the timing.

    Args:
        predictions: Split -> its predictions.
        classifier: Trained.
        config: How it was trained.
        result: The result of the training.
        validated: That of the cross-validation, if there was one.

    Raises:
        RunError: Probabilities are not finite although the training did not diverge.
    """
    if result.divergence is None:
        check_finite(predictions)
    without = {name: replace(each, novelty=None) for name, each in predictions.items()}
    scores: dict[str, Any] = call(compute_split_metrics, without, classifier.class_names)
    threshold, test = classifier.find_threshold(), predictions["test"]
    if threshold is not None and test.novelty is not None:
        scores["unknown"] = summarize_unknown(test.correct, test.novelty, threshold)
    if result.temperature is not None:
        loss = config.training_config.loss
        scores["calibration"] = _describe_calibration(predictions, result.temperature, loss)
    if validated is not None:
        scores["folds"] = validated.describe(classifier.class_names)
    return {**scores, "parameters": classifier.count_parameters(), **result.describe()}


def _describe_calibration(
    predictions: Mapping[str, Predictions], temperature: float, loss: KerasObject
) -> dict[str, Any]:
    """Compare loss and calibration error before and after a temperature, ready for JSON."""
    described: dict[str, Any] = {"method": "temperature", "temperature": temperature}
    for split in ("validation", "test"):
        after = predictions[split]
        probabilities = undo_temperature(after, temperature)
        before = replace(
            after,
            probabilities=probabilities,
            loss=compute_loss(loss, after.true, probabilities),
        )
        described[split] = {
            "loss_before": before.loss,
            "loss": after.loss,
            "expected_calibration_error_before": compute_calibration_curve(before).expected_error,
            "expected_calibration_error": compute_calibration_curve(after).expected_error,
        }
    return described
