"""The report's section on suspicious images, from what a run has computed already."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from framework.data.images import Images
from framework.evaluation.data_issues.data_issue import (
    ACROSS_SPLITS,
    DUPLICATE,
    ISSUES,
    LABEL_ERROR,
    OUTLIER,
)
from framework.evaluation.data_issues.label_errors import find_label_errors
from framework.evaluation.data_issues.outliers import find_outliers
from framework.evaluation.metrics.predictions import Predictions
from framework.evaluation.report.data_uri import embed_picture
from framework.evaluation.report.report_inputs import ReportInputs
from framework.training.solvers.temperature import fit_temperature
from framework.utils.worker_processes import call

HELD_OUT = ("validation", "test")
"""Only what the classifier was not trained on can tell whether a label is wrong."""

MAX_SHOWN = 8
"""Images of a kind that are shown."""

Found = tuple[str, int, float, str]
"""Split, position in it, score, and the class that is suggested or an empty text."""


def find_data_issues(inputs: ReportInputs) -> list[dict[str, Any]]:
    """Find suspicious images among those that a run validated and tested on.

    Args:
        inputs: Of a run; no image is read but the few that are shown.

    Returns:
        For each kind of issue that was found its `name`, `about`, `count` and what is `shown`;
        nothing if the config wants no such section or the run only evaluated other images.
    """
    wanted = inputs.config.report_config.data_issues
    if not wanted or inputs.is_evaluation or "training" not in inputs.images:
        return []
    kinds = {
        DUPLICATE + ACROSS_SPLITS: _list_copies(inputs),
        LABEL_ERROR: _list_label_errors(inputs),
        OUTLIER: _list_outliers(inputs),
    }
    return [
        {
            "name": kind,
            "about": ISSUES[kind],
            "count": len(found),
            "shown": [_describe(each, inputs) for each in found[:MAX_SHOWN]],
        }
        for kind, found in kinds.items()
        if found
    ]


def _list_copies(inputs: ReportInputs) -> list[Found]:
    known = set(inputs.images["training"].digests)
    found: list[Found] = []
    for split in HELD_OUT:
        digests = inputs.images[split].digests
        copies = [place for place, digest in enumerate(digests) if digest in known]
        found += [(split, position, 1.0, "") for position in copies]
        known.update(digests)
    return found


def _list_label_errors(inputs: ReportInputs) -> list[Found]:
    predictions = {split: inputs.predictions[split] for split in HELD_OUT}
    if not all(np.isfinite(each.probabilities).all() for each in predictions.values()):
        return []
    return _sort(
        [
            (split, position, score, inputs.class_names[label])
            for split, position, score, label in call(_rank_label_errors, predictions)
        ]
    )


def _rank_label_errors(
    predictions: Mapping[str, Predictions],
) -> list[tuple[str, int, float, int]]:
    """Return split, position, score and suggested label of each."""
    from scipy.special import softmax

    scores = {split: _get_log_probabilities(each) for split, each in predictions.items()}
    # A top is surer of itself than it is right; validation images tell by how much.
    factor, _ = fit_temperature(scores["validation"], predictions["validation"].true)
    found: list[tuple[str, int, float, int]] = []
    for split, each in predictions.items():
        errors = find_label_errors(each.true, softmax(scores[split] * factor, axis=1))
        rows = zip(errors.positions, errors.scores, errors.suggested, strict=True)
        found += [
            (split, int(position), float(score), int(label)) for position, score, label in rows
        ]
    return found


def _get_log_probabilities(predictions: Predictions) -> np.ndarray:
    probabilities = predictions.probabilities.astype(np.float64)
    return np.log(np.maximum(probabilities, 1e-30))


def _list_outliers(inputs: ReportInputs) -> list[Found]:
    found: list[Found] = []
    for split in HELD_OUT:
        novelty = inputs.predictions[split].novelty
        if novelty is not None:
            positions, scores = find_outliers(novelty)
            found += [
                (split, int(position), float(score), "")
                for position, score in zip(positions, scores, strict=True)
            ]
    return _sort(found)


def _sort(found: Sequence[Found]) -> list[Found]:
    return sorted(found, key=lambda each: -each[2])


def _describe(found: Found, inputs: ReportInputs) -> dict[str, Any]:
    split, position, score, suggested = found
    images = inputs.images[split]
    return {
        "split": split,
        "name": _name_image(images, position),
        "label": inputs.class_names[int(images.labels[position])],
        "suggested": suggested,
        "score": score,
        "uri": embed_picture(next(_read(images, position))),
    }


def _name_image(images: Images, position: int) -> str:
    return (images.file_names or [f"no. {index}" for index in images.indices])[position]


def _read(images: Images, position: int) -> Iterator[np.ndarray]:
    return iter(images.source.read(images.indices[position : position + 1]))
