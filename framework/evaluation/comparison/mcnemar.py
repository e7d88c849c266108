"""McNemar's exact test: whether two runs differ by more than chance."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from scipy.stats import binomtest

from framework.runs.records import RunRecord

MAX_RUNS_FULLY_PAIRED = 8


@dataclass(frozen=True)
class McNemarTest:
    """McNemar's exact test of two runs on the same test images (McNemar, 1947).

    Args:
        first: The name of one run.
        second: The name of the other.
        only_first: The number of images that only the first classified right.
        only_second: The number of images that only the second classified right.
        p_value: The probability of a split at least this uneven between equal classifiers.
    """

    first: str
    second: str
    only_first: int
    only_second: int
    p_value: float


def compare_pairs(runs: Sequence[RunRecord]) -> list[McNemarTest]:
    """Test each pair of runs with the same test images.

    Of more than eight runs only the first is paired with each of the others.
    """
    pairs = list(combinations(runs, 2))
    if len(runs) > MAX_RUNS_FULLY_PAIRED:
        pairs = [(runs[0], run) for run in runs[1:]]
    return [_test_pair(one, other) for one, other in pairs if have_same_images(one, other)]


def have_same_images(one: RunRecord, other: RunRecord) -> bool:
    """Return whether two runs were tested on the same images of the same data."""
    fingerprints = [run.environment.get("data", {}).get("test") for run in (one, other)]
    truths = [{k: true for k, (true, _) in run.test_predictions.items()} for run in (one, other)]
    return fingerprints[0] == fingerprints[1] and truths[0] == truths[1]


def _test_pair(one: RunRecord, other: RunRecord) -> McNemarTest:
    correct = [
        {image for image, (true, predicted) in run.test_predictions.items() if true == predicted}
        for run in (one, other)
    ]
    only_first, only_second = len(correct[0] - correct[1]), len(correct[1] - correct[0])
    split = only_first + only_second
    p_value = float(binomtest(only_first, split).pvalue) if split else 1.0
    return McNemarTest(one.name, other.name, only_first, only_second, p_value)


def format_p_value(p_value: float) -> str:
    """Return a p-value as papers print it."""
    return "< 0.001" if p_value < 0.001 else f"{p_value:.3f}"
