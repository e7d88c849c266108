"""Measures the classifier of a finished run on other labeled images."""

import logging
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from tqdm import tqdm

from framework.data.evaluation_set import EvaluationSet
from framework.data.images import Images
from framework.errors import RunError
from framework.evaluation.metrics.classification_metrics import compute_metrics
from framework.evaluation.metrics.predict_split import compute_loss
from framework.evaluation.metrics.predictions import Predictions
from framework.evaluation.metrics.selective import summarize_unknown
from framework.evaluation.report.prediction_files import write_predictions
from framework.evaluation.report.report_inputs import ReportInputs
from framework.evaluation.report.write_report import write_report
from framework.inference.picture_reader import DEFAULTS, PictureReader, ReadOptions
from framework.inference.polarity import describe_inversion
from framework.inference.trained_classifier import TrainedClassifier
from framework.inference.trained_network import BATCH_SIZE, Outputs
from framework.runs.manifest import RUN, describe_start
from framework.runs.recorded_splits import find_unseen
from framework.runs.run_directory import create_run, finish_run
from framework.utils.files import write_json
from framework.utils.text import pluralize

logger = logging.getLogger(__name__)


def evaluate_run(
    trained: TrainedClassifier,
    evaluated: EvaluationSet,
    output: Path | None = None,
    options: ReadOptions = DEFAULTS,
    command: str | None = None,
) -> Path:
    """Predict labeled images, and write metrics, predictions, figures and a report.

    Args:
        trained: The classifier; nothing in its run directory changes.
        evaluated: The images.
        output: The directory to write to; by default one under `results/`.
        options: How images are read. Characters are found and framed if an image has exactly one.
        command: What the user typed, or called, for the report.

    Returns:
        The directory.

    Raises:
        UsageError: `output` is not empty.
        RunError: No image is of a class that the classifier knows and was not trained on, or a
            file can't be written.
    """
    directory = create_run(f"{trained.run.resolve().parent.name}-evaluation", output)
    try:
        images, remarks = _select_images(trained, evaluated)
        outputs, told = _read_images(PictureReader(trained, options), trained, images)
        remarks += told
        begun = describe_start(directory, command, trained.config)
        measured = _Measured(evaluated, images, outputs, remarks, begun)
        _write_results(directory, trained, measured, options)
    except BaseException:  # Whatever it is, nothing half-written stays.
        shutil.rmtree(directory, ignore_errors=True)
        raise
    finish_run(directory)
    logger.info("Results   %s", directory)
    logger.info("Look at   %s", directory / "report.html")
    return directory


@dataclass(frozen=True)
class _Measured:
    """What was measured, and on what.

    Args:
        evaluated: The labeled images.
        images: Those that the classifier was not trained on.
        outputs: What the network says of each.
        remarks: One sentence on each thing that a user should know.
        begun: When and how it began, see `describe_start`.
    """

    evaluated: EvaluationSet
    images: Images
    outputs: Outputs
    remarks: Sequence[str]
    begun: Mapping[str, Any]

    def select(self, chosen: np.ndarray, lookup: np.ndarray) -> Predictions:
        """Return the predictions for some of the images; `lookup` gives the classifier's labels."""
        return Predictions(
            self.images.indices[chosen],
            lookup[self.images.labels[chosen]],
            self.outputs.probabilities[chosen],
            loss=0.0,
            novelty=self.outputs.novelty[chosen],
        )


def _select_images(
    trained: TrainedClassifier, evaluated: EvaluationSet
) -> tuple[Images, list[str]]:
    """Leave out the images that the classifier was trained or validated on."""
    data = trained.config.data_config
    count = len(evaluated.source.labels)
    images = Images(evaluated.source, np.arange(count), trained.image_shape, data.resize)
    unseen = find_unseen(trained.run, images)
    remarks = list(evaluated.remarks)
    if unseen is None:
        remarks.append(
            "it is not known which of these images the model was trained on: if some are, the "
            "metrics are too good"
        )
        return images, remarks
    if len(unseen) < count:
        remarks.append(
            "left out, since the model was trained or validated on them: "
            f"{count - len(unseen):,} of {count:,} images"
        )
    if len(unseen) == 0:
        raise RunError(
            f"{evaluated.name}: the model was trained or validated on all {count:,} images: none "
            "is left to measure it on. Give images that it has not seen."
        )
    return replace(images, indices=unseen), remarks


def _read_images(
    reader: PictureReader, trained: TrainedClassifier, images: Images
) -> tuple[Outputs, list[str]]:
    """Run the network on images, each prepared as `predict` prepares it.

    Returns:
        What it computes, and remarks on how images were read.
    """
    outputs, inverted, unframed = [], 0, 0
    with tqdm(total=len(images), unit=" images", leave=False) as progress:
        for first in range(0, len(images), BATCH_SIZE):
            pixels = images.source.read(images.indices[first : first + BATCH_SIZE])
            pictures = [reader.prepare(Image.fromarray(each)) for each in pixels]
            outputs.append(trained.compute([picture.single for picture in pictures]))
            inverted += sum(picture.inverted for picture in pictures)
            unframed += sum(len(picture.images) != 1 for picture in pictures)
            progress.update(len(pictures))
    joined = Outputs(
        np.concatenate([each.probabilities for each in outputs]),
        np.concatenate([each.novelty for each in outputs]),
    )
    remarks = []
    if inverted:
        remarks.append(describe_inversion(inverted, trained.appearance, "--invert no"))
    if unframed:
        remarks.append(
            f"{pluralize(unframed, 'image')} without exactly one character: read as a whole"
        )
    return joined, remarks


def _write_results(
    directory: Path, trained: TrainedClassifier, measured: _Measured, options: ReadOptions
) -> None:
    names, foreign_names = trained.class_names, measured.evaluated.class_names
    lookup = np.array([names.index(name) if name in names else -1 for name in foreign_names])
    labels = measured.images.labels
    is_known = lookup[labels] >= 0
    if not is_known.any():
        raise RunError(
            f"{measured.evaluated.name}: no image is of a class that the model knows. Found the "
            f"classes {', '.join(map(repr, foreign_names[:8]))}; it knows "
            f"{', '.join(map(repr, names[:8]))}."
        )
    chosen = np.flatnonzero(is_known)
    predictions = measured.select(chosen, lookup)
    loss = compute_loss(
        trained.config.training_config.loss, predictions.true, predictions.probabilities
    )
    novelty = predictions.novelty if trained.classifier.novelty else None
    predictions = replace(predictions, loss=loss, novelty=novelty)
    threshold = trained.classifier.find_threshold(options.coverage)
    foreign = dict(_describe_foreign(measured, is_known, names, threshold))
    metrics: dict[str, Any] = {"test": compute_metrics(predictions, names)}
    unknown = None
    if threshold is not None and novelty is not None:
        metrics["unknown"] = summarize_unknown(predictions.correct, novelty, threshold)
        unknown = novelty > threshold
    metrics |= {"foreign_classes": foreign} if foreign else {}
    remarks = [*measured.remarks, *_list_remarks(predictions, names, foreign, threshold)]
    for remark in remarks:
        logger.warning("! %s", remark)
    write_json(directory / "metrics.json", {**metrics, "run": str(trained.run)})
    kept = replace(measured.images, indices=measured.images.indices[chosen])
    write_predictions(directory / "predictions.csv", predictions, names, kept.file_names, unknown)
    write_report(
        directory,
        ReportInputs(
            config=trained.config,
            subject=f"{trained.subject}, evaluated on {measured.evaluated.name}",
            class_names=names,
            predictions={"test": predictions},
            images={"test": kept},
            environment={**trained.environment, RUN: measured.begun, "notes": remarks},
            metrics=metrics,
            threshold=threshold,
        ),
    )
    _announce(metrics)


def _describe_foreign(
    measured: _Measured, is_known: np.ndarray, names: Sequence[str], threshold: float | None
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each class that the classifier does not know, and what it says of its images."""
    labels, outputs = measured.images.labels, measured.outputs
    for label in np.unique(labels[~is_known]):
        chosen = labels == label
        answers = np.bincount(outputs.probabilities[chosen].argmax(axis=1))
        found: dict[str, Any] = {
            "images": int(chosen.sum()),
            "most_often": names[int(answers.argmax())],
        }
        if threshold is not None:
            found["unknown"] = int((outputs.novelty[chosen] > threshold).sum())
        yield measured.evaluated.class_names[label], found


def _list_remarks(
    predictions: Predictions,
    names: Sequence[str],
    foreign: Mapping[str, Mapping[str, Any]],
    threshold: float | None,
) -> Iterator[str]:
    missing = [name for label, name in enumerate(names) if label not in predictions.true]
    if missing:
        yield f"no image is of the classes {', '.join(map(repr, missing))}"
    for name, found in foreign.items():
        told = "" if threshold is None else f"{found['unknown']} of them are told as unknown; "
        images = pluralize(found["images"], "image")
        yield (
            f"the model does not know the class {name!r}, whose {images} "
            f"count in no metric ({told}the most frequent answer is {found['most_often']!r})"
        )
    if threshold is None:
        yield (
            "the run did not measure how far images are from its training images, so none is "
            "unknown: train it again for that"
        )


def _announce(metrics: Mapping[str, Any]) -> None:
    test = metrics["test"]
    low, high = test["accuracy_interval"]
    logger.info(
        "Accuracy %.2f %% on %s images (95 %% interval %.2f to %.2f %%)",
        100 * test["accuracy"],
        f"{sum(row['support'] for row in test['per_class'].values()):,}",
        100 * low,
        100 * high,
    )
    if found := metrics.get("unknown"):
        logger.info(
            "Unknown: %s images; %.2f %% of the others are right",
            f"{found['images']:,}",
            100 * (found["accuracy"] or 0),
        )
