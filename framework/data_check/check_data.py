"""Check the images of a config, and write what may be wrong with them."""

import logging
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np

from framework.config import Config
from framework.data.images import Images
from framework.data.registry import load_dataset
from framework.data.splits import Splits, split_dataset
from framework.data_check.data_report import render_data_report
from framework.data_check.feature_analysis import FOLDS, find_neighbors, predict_out_of_fold
from framework.data_check.image_features import ImageFeatures, prepare_image_features
from framework.evaluation.data_issues.data_issue import (
    ACROSS_SPLITS,
    DUPLICATE,
    LABEL_ERROR,
    NEAR_DUPLICATE,
    OTHER_LABEL,
    OUTLIER,
    CheckedImages,
    DataIssue,
    format_issues,
    sort_issues,
)
from framework.evaluation.data_issues.label_errors import Method, find_label_errors
from framework.evaluation.data_issues.near_duplicates import find_near_duplicates
from framework.evaluation.data_issues.outliers import find_outliers
from framework.evaluation.data_issues.picture_survey import (
    SurveyedPicture,
    find_defects,
    survey_pictures,
)
from framework.runs import run_directory
from framework.utils.files import write_text
from framework.utils.optional_dependencies import require_packages
from framework.utils.precision import use_precision
from framework.utils.text import pluralize

logger = logging.getLogger(__name__)

NEIGHBORS = 5
"""The neighbors by features of each image; the distance of an outlier is that of the last."""


def check_data(
    config: Config, config_stem: str, output: Path | None = None, method: Method = "odds"
) -> Path:
    """Check all images that a config trains, validates and tests on.

    Args:
        config: Names the images, and the backbone whose features compare them.
        config_stem: Name of the config file without its ending.
        output: The directory to write to; by default `results/<config stem>-data/<time>`.
        method: How label errors are found; see `find_label_errors`.

    Returns:
        The directory, with `data_issues.csv` and `data_report.html`.

    Raises:
        RunError: Data or weights can't be loaded, or a file can't be written.
    """
    if method == "confident_learning":
        require_packages("--labels confident_learning", {"cleanlab": "cleanlab"}, "data")
    directory = run_directory.create_run(f"{config_stem}-data", output)
    training = config.training_config
    with (
        run_directory.fill_directory(directory),
        use_precision(training.precision),
        ExitStack() as stack,
    ):
        dataset, data_fallback = load_dataset(config.data_config.dataset)
        splits = split_dataset(dataset, config.data_config, training.seed)
        splits = replace(splits, training=replace(splits.training, augmentation=None))
        names = dataset.class_names
        features, fallback = prepare_image_features(config, splits, names, stack)
        pictures = survey_pictures(list(splits.by_name().values()))
        images = name_images(splits, names)
        labels = np.array(images.labels)
        neighbors = find_neighbors(features, NEIGHBORS)
        issues = [
            *_find_copies(splits, images, pictures, neighbors[1]),
            *_find_label_errors(features, labels, len(names), training.seed, method, neighbors[1]),
            *_find_outliers(*neighbors),
            *find_defects(pictures),
        ]
        issues = sort_issues(issues)
        write_text(directory / "data_issues.csv", format_issues(issues, images))
        fallbacks = [each for each in (data_fallback, fallback) if each]
        page = render_data_report(issues, images, splits, dataset.title, features.name, fallbacks)
        write_text(directory / "data_report.html", page)
    _announce(directory, issues, len(labels))
    return directory


def name_images(splits: Splits, class_names: Sequence[str]) -> CheckedImages:
    """Return how the images of all splits are called, split after split."""
    by_name = splits.by_name()
    return CheckedImages(
        splits=[split for split, images in by_name.items() for _ in range(len(images))],
        names=[name for images in by_name.values() for name in _name_each(images)],
        labels=[label for images in by_name.values() for label in images.labels.tolist()],
        class_names=class_names,
        has_files=bool(splits.training.source.names),
    )


def _name_each(images: Images) -> list[str]:
    return images.file_names or list(map(str, images.indices.tolist()))


def _find_copies(
    splits: Splits,
    images: CheckedImages,
    pictures: Sequence[SurveyedPicture],
    neighbors: np.ndarray,
) -> list[DataIssue]:
    """Find duplicates, with equal digests, and near-duplicates."""
    digests = [digest for each in splits.by_name().values() for digest in each.digests]
    first: dict[str, int] = {}
    issues = []
    for position, digest in enumerate(digests):
        twin = first.setdefault(digest, position)
        if twin != position:
            issues.append(_describe_copy(DUPLICATE, position, twin, 1.0, images))
    thumbnails = np.stack([picture.thumbnail for picture in pictures])
    usable = np.flatnonzero([picture.comparable for picture in pictures])
    found = find_near_duplicates(thumbnails, usable, neighbors)
    for twin, position, score in zip(
        found.first.tolist(), found.second.tolist(), found.correlation.tolist(), strict=True
    ):
        if digests[twin] != digests[position]:
            issues.append(_describe_copy(NEAR_DUPLICATE, position, twin, score, images))
    return issues


def _describe_copy(
    kind: str, position: int, twin: int, score: float, images: CheckedImages
) -> DataIssue:
    across = ACROSS_SPLITS if images.splits[position] != images.splits[twin] else ""
    other = OTHER_LABEL if images.labels[position] != images.labels[twin] else ""
    return DataIssue(position, kind + across + other, score, twin=twin)


def _find_label_errors(
    features: ImageFeatures,
    labels: np.ndarray,
    classes: int,
    seed: int,
    method: Method,
    neighbors: np.ndarray,
) -> list[DataIssue]:
    counts = np.bincount(labels, minlength=classes)
    judged = counts[labels] >= FOLDS  # Of fewer there may be none to learn from.
    if small := int((~judged).sum()):
        logger.warning(
            "! %s of classes with fewer than %d: their labels are not checked.",
            pluralize(small, "image"),
            FOLDS,
        )
    probabilities = predict_out_of_fold(features, labels, classes, seed)
    logger.info(
        "A classifier that did not see them agrees with %.2f %% of the labels.",
        100 * np.mean(probabilities.argmax(axis=1) == labels),
    )
    errors = find_label_errors(labels, probabilities, method)
    issues = []
    for position, suggested, score in zip(
        errors.positions.tolist(), errors.suggested.tolist(), errors.scores.tolist(), strict=True
    ):
        if judged[position]:
            near = [each for each in neighbors[position].tolist() if labels[each] == suggested]
            twin = near[0] if near else None
            issues.append(DataIssue(position, LABEL_ERROR, score, twin, suggested))
    return issues


def _find_outliers(distances: np.ndarray, neighbors: np.ndarray) -> list[DataIssue]:
    positions, scores = find_outliers(distances[:, -1])
    return [
        DataIssue(position, OUTLIER, score, twin=int(neighbors[position, 0]))
        for position, score in zip(positions.tolist(), scores.tolist(), strict=True)
    ]


def _announce(directory: Path, issues: Sequence[DataIssue], count: int) -> None:
    logger.info("")
    logger.info("%s checked:", pluralize(count, "image"))
    for issue, number in Counter(each.issue for each in issues).items():
        logger.info("%7s  %s", f"{number:,}", issue)
    if not issues:
        logger.info("nothing was found")
    logger.info("Results   %s", directory)
    logger.info("Look at   %s", directory / "data_report.html")
    logger.info(
        "Next      mark the images to leave out on that page, save them, and name the file in "
        "data_config.dataset.exclude"
    )
