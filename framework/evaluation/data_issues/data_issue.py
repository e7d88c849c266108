"""The issues of a data set: one image, what may be wrong with it, and how likely that is."""

from collections.abc import Sequence
from dataclasses import dataclass

from framework.utils import tables

COLUMNS = ("split", "index_or_path", "label", "issue", "suggested_label_or_twin", "score")
"""The columns of `data_issues.csv`."""

DUPLICATE = "duplicate"
NEAR_DUPLICATE = "near-duplicate"
ACROSS_SPLITS = " across splits"
OTHER_LABEL = " with another label"
LABEL_ERROR = "label error"
OUTLIER = "outlier"
BLANK = "blank"
NEARLY_BLACK = "nearly black"
TINY = "tiny"
EXTREME_SHAPE = "extreme shape"
EXIF_ROTATION = "rotated by EXIF"

ISSUES: dict[str, str] = {
    DUPLICATE + ACROSS_SPLITS + OTHER_LABEL: "the same image in two splits, with different labels",
    DUPLICATE + OTHER_LABEL: "the same image twice, with different labels",
    DUPLICATE + ACROSS_SPLITS: "the same image in two splits: its accuracy is too good",
    NEAR_DUPLICATE + ACROSS_SPLITS + OTHER_LABEL: "nearly the same image in two splits, with "
    "different labels",
    NEAR_DUPLICATE + OTHER_LABEL: "nearly the same image twice, with different labels",
    NEAR_DUPLICATE + ACROSS_SPLITS: "nearly the same image in two splits: its accuracy is too good",
    LABEL_ERROR: "a classifier that did not see the image is sure of another class",
    OUTLIER: "far from all other images, as if it did not belong here",
    BLANK: "of one color",
    NEARLY_BLACK: "nearly nothing is lighter than black",
    TINY: "much smaller than the other images",
    EXTREME_SHAPE: "much longer or taller than the other images",
    EXIF_ROTATION: "turned because its EXIF data says so: look whether that is right",
    DUPLICATE: "the same image twice",
    NEAR_DUPLICATE: "nearly the same image twice",
}
"""Every kind of issue and what it means, the worst first."""


@dataclass(frozen=True)
class DataIssue:
    """Something that may be wrong with an image.

    Args:
        position: The image, among all that were checked.
        issue: One of `ISSUES`.
        score: From 0 to 1, the higher the worse; comparable within one kind of issue.
        twin: The position of the image it resembles, or `None`.
        suggested: The number of the class that it may belong to, or `None`.
    """

    position: int
    issue: str
    score: float
    twin: int | None = None
    suggested: int | None = None


def sort_issues(issues: Sequence[DataIssue]) -> list[DataIssue]:
    """Sort issues: by their kind in the order of `ISSUES`, in a kind the worst first."""
    rank = {issue: number for number, issue in enumerate(ISSUES)}
    return sorted(issues, key=lambda each: (rank[each.issue], -each.score, each.position))


@dataclass(frozen=True)
class CheckedImages:
    """Names of the images that were checked, in one order.

    Args:
        splits: The split of each.
        names: The path of its file, or its number in the split of its source.
        labels: The number of its class.
        class_names: In the order of the labels.
        has_files: Whether the images are files.
    """

    splits: Sequence[str]
    names: Sequence[str]
    labels: Sequence[int]
    class_names: Sequence[str]
    has_files: bool

    def name_twin(self, position: int) -> str:
        """Return the path of a file, or the split and the number of an image without one."""
        name = self.names[position]
        return name if self.has_files else f"{self.splits[position]}:{name}"

    def describe_other(self, issue: DataIssue) -> str:
        """Return the class or the image that an issue points to; empty if there is none."""
        if issue.suggested is not None:
            return self.class_names[issue.suggested]
        return "" if issue.twin is None else self.name_twin(issue.twin)

    def make_row(self, issue: DataIssue) -> tuple[str, ...]:
        """Return the row of an issue in `data_issues.csv`."""
        position = issue.position
        return (
            self.splits[position],
            self.names[position],
            self.class_names[self.labels[position]],
            issue.issue,
            self.describe_other(issue),
            f"{issue.score:.4f}",
        )


def format_issues(issues: Sequence[DataIssue], images: CheckedImages) -> str:
    """Return the content of `data_issues.csv`."""
    return tables.format_csv(COLUMNS, map(images.make_row, issues))
