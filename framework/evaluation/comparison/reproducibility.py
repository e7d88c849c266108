"""Runs with the same config and data: whether their results are equal, and why not."""

import json
from collections.abc import Sequence

from framework.runs.records import MISSING, RunRecord, list_differences
from framework.utils.text import name_some

# Keys of an environment that cannot change a run's results, by dotted path.
KEYS_WITHOUT_EFFECT = ("data.place", "data.remarks", "notes", "packages.matplotlib")

# Keys that are results, or that the other tables contain.
SHOWN_SEPARATELY = ("class_names", "subject", "model", "run")

# Entries of the metrics that follow from the history, or that no two runs share.
NO_RESULTS = ("timing", "model_epoch", "best_epoch")


def list_environment_differences(runs: Sequence[RunRecord]) -> dict[str, list[str | None]]:
    """List where the runs' environments differ, as `list_differences` does."""
    return list_differences(
        [{k: v for k, v in run.environment.items() if k not in SHOWN_SEPARATELY} for run in runs]
    )


def describe_reproducibility(runs: Sequence[RunRecord]) -> list[str]:
    """Describe whether runs with the same config and data have the same results.

    Returns:
        A sentence or two for each group of such runs. Where results differ, they say
        which differences of the environments may be why.
    """
    groups: dict[str, list[RunRecord]] = {}
    for run in runs:
        groups.setdefault(_get_work_key(run), []).append(run)
    return [_describe_group(group) for group in groups.values() if len(group) > 1]


def _get_work_key(run: RunRecord) -> str:
    data = run.environment.get("data", {})
    return json.dumps([run.config, data.get("train"), data.get("test")], sort_keys=True)


def _count_results(group: Sequence[RunRecord]) -> tuple[int, int]:
    """Return how many different metrics a group has, and how many different histories.

    Times are no results, and a run without a history has none that differs.
    """
    metrics = {
        json.dumps({k: v for k, v in run.metrics.items() if k not in NO_RESULTS}, sort_keys=True)
        for run in group
    }
    histories = {
        json.dumps([{k: v for k, v in row.items() if k != "seconds"} for row in run.history])
        for run in group
        if run.history
    }
    return len(metrics), len(histories)


def _describe_group(group: Sequence[RunRecord]) -> str:
    names = name_some([run.name for run in group])
    without = [run.name for run in group if not run.history]
    metrics, histories = _count_results(group)
    if metrics == 1 and histories <= 1:
        if len(without) in (0, len(group)):
            return f"{names}: the same config and data, and the same results to the last bit."
        return (
            f"{names}: the same config and data, and the same metrics to the last bit. There is no "
            f"history to compare of {name_some(without)}."
        )
    reasons = [
        f"{key} ({name_some([value or MISSING for value in values])})"
        for key, values in list_environment_differences(group).items()
        if key not in KEYS_WITHOUT_EFFECT
    ]
    if reasons:
        return (
            f"{names}: the same config and data, but other results. What differs in the "
            f"environment may be why: {'; '.join(reasons)}."
        )
    if group[0].config.get("training_config", {}).get("enable_training") is False:
        return (
            f"{names}: the same config and data, but other results. They trained nothing, and the "
            "saved model that they evaluated may have been another one each time."
        )
    return (
        f"{names}: the same config and data, but other results, and no difference in the "
        "environment is known that could be why."
    )
