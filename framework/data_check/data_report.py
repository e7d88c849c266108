"""The page of a data check: pictures side by side, the worst first, to be marked and left out."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np

from framework.data.splits import Splits
from framework.evaluation.data_issues.data_issue import (
    COLUMNS,
    ISSUES,
    CheckedImages,
    DataIssue,
)
from framework.evaluation.report.data_uri import embed_picture
from framework.evaluation.report.templating import render_template
from framework.utils.fallbacks import Fallback
from framework.utils.tables import format_csv

MAX_SHOWN = 60
"""Issues of a kind that are shown; `data_issues.csv` has all."""


def render_data_report(
    issues: Sequence[DataIssue],
    images: CheckedImages,
    splits: Splits,
    data_name: str,
    features_name: str,
    fallbacks: Sequence[Fallback],
) -> str:
    """Render the page.

    Args:
        issues: Sorted by kind, the worst first.
        images: Names of all images, in the order of `splits`.
        splits: The images.
        data_name: The data set.
        features_name: What the images were compared by.
        fallbacks: Used in place of what the config names.

    Returns:
        HTML that needs no other file and no network.
    """
    return render_template(
        "data_report.html",
        subject=data_name,
        features=features_name,
        counts={name: len(each) for name, each in splits.by_name().items()},
        substitutions=fallbacks,
        header=format_csv(COLUMNS, ()).strip(),
        groups=[
            _describe_group(kind, list(members), images, splits)
            for kind, members in groupby(issues, key=lambda each: each.issue)
        ],
    )


def _describe_group(
    kind: str, members: Sequence[DataIssue], images: CheckedImages, splits: Splits
) -> dict[str, Any]:
    return {
        "name": kind,
        "about": ISSUES[kind],
        "count": len(members),
        "shown": [_describe_issue(each, images, splits) for each in members[:MAX_SHOWN]],
    }


def _describe_issue(issue: DataIssue, images: CheckedImages, splits: Splits) -> dict[str, Any]:
    row = images.make_row(issue)
    shown = [_describe_picture(issue.position, images, splits)]
    if issue.twin is not None:
        shown.append(_describe_picture(issue.twin, images, splits))
    suggested = None if issue.suggested is None else images.class_names[issue.suggested]
    return {
        "csv": format_csv(row, ()).strip(),
        "score": issue.score,
        "suggested": suggested,
        "pictures": shown,
    }


def _describe_picture(position: int, images: CheckedImages, splits: Splits) -> dict[str, str]:
    return {
        "uri": embed_picture(_read_picture(position, splits)),
        "name": images.names[position],
        "split": images.splits[position],
        "label": images.class_names[images.labels[position]],
    }


def _read_picture(position: int, splits: Splits) -> np.ndarray:
    """Read the image at a position among those of all splits, in its own size."""
    for images in splits.by_name().values():
        if position < len(images):
            return next(iter(images.source.read(images.indices[position : position + 1])))
        position -= len(images)
    raise IndexError(position)
