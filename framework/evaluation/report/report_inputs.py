"""What a report is made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from framework.config.model import Config
from framework.data.images import Images
from framework.data.splits import Splits
from framework.evaluation.metrics.predictions import Predictions
from framework.evaluation.metrics.training_summary import HistoryRow

if TYPE_CHECKING:
    import keras

    from framework.models.classifier import Classifier

SPLITS = ("training", "validation", "test")


@dataclass(frozen=True)
class ReportInputs:
    """All that the figures and the report of a run are made from.

    Args:
        config: The resolved config.
        subject: What was trained on what, as every title says it: the backbone
            with the weights and the data really used, such as
            `"VGG16 (random weights) on digits"`.
        class_names: The name of each class, in the order of the probabilities.
        predictions: Split -> its predictions.
        images: Split -> its images.
        history: One row for each epoch; empty where the run did not train.
        environment: The content of `environment.json`.
        metrics: The content of `metrics.json`.
        classifier: The trained classifier; figures of its layers need it.
        threshold: The novelty above which an image is unknown; `None` if it was not measured.
    """

    config: Config
    subject: str
    class_names: Sequence[str]
    predictions: Mapping[str, Predictions]
    images: Mapping[str, Images] = field(default_factory=dict)
    history: Sequence[HistoryRow] = ()
    environment: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    classifier: keras.Model | None = None
    threshold: float | None = None

    @property
    def is_evaluation(self) -> bool:
        """Whether a classifier was only measured on other images."""
        return "training" not in self.predictions


def make_report_inputs(
    config: Config,
    classifier: Classifier,
    splits: Splits,
    predictions: Mapping[str, Predictions],
    record: Mapping[str, Any],
    history: Sequence[HistoryRow],
) -> ReportInputs:
    """Return what the report of a run is made from.

    Args:
        config: The resolved config.
        classifier: Trained.
        splits: The images.
        predictions: Split -> its predictions.
        record: `environment` and `metrics`, the contents of these files.
        history: One row for each epoch.
    """
    return ReportInputs(
        config=config,
        subject=record["environment"]["subject"],
        class_names=classifier.class_names,
        predictions=predictions,
        images=splits.by_name(),
        history=history,
        environment=record["environment"],
        metrics=record["metrics"],
        classifier=classifier.model,
        threshold=classifier.find_threshold(),
    )
