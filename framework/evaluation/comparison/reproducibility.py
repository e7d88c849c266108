"""Runs with the same config and data: whether their results are equal, and why not."""

import json
from collections.abc import Sequence

from framework.runs.records import RunRecord, list_differences

# Keys of an environment that cannot change a run's results, by dotted path.
KEYS_WITHOUT_EFFECT = ("data.place", "data.remarks", "notes", "packages.matplotlib")

# Keys that are results, or that the other tables contain.
SHOWN_SEPARATELY = ("class_names", "subject", "model")


def list_environment_differences(runs: Sequence[RunRecord]) -> dict[str, list[str]]:
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


def _get_results_key(run: RunRecord) -> str:
    """Return all results of a run except its times."""
    metrics = {key: value for key, value in run.metrics.items() if key != "timing"}
    history = [{k: v for k, v in row.items() if k != "seconds"} for row in run.history]
    return json.dumps([metrics, history], sort_keys=True)


def _describe_group(group: Sequence[RunRecord]) -> str:
    names = ", ".join(run.name for run in group)
    if len({_get_results_key(run) for run in group}) == 1:
        return f"{names}: the same config and data, and the same results to the last bit."
    reasons = [
        f"{key} ({', '.join(values)})"
        for key, values in list_environment_differences(group).items()
        if key not in KEYS_WITHOUT_EFFECT
    ]
    if reasons:
        return (
            f"{names}: the same config and data, but other results. What differs in the "
            f"environment may be why: {'; '.join(reasons)}."
        )
    return (
        f"{names}: the same config and data, but other results, and no difference in the "
        "environment is known that could be why."
    )
