"""Runs that should be equal, and what may be why they are not."""

from __future__ import annotations

import json
from collections.abc import Sequence

from framework.runs.records import RunRecord, list_differences

# What an environment tells of a run that can't have changed its results, by dotted path.
WITHOUT_EFFECT = ("data.place", "data.remarks", "notes", "packages.matplotlib")

# What it tells that is a result, or is in the other tables.
TOLD_ELSEWHERE = ("class_names", "subject", "model")


def list_environment_differences(runs: Sequence[RunRecord]) -> dict[str, list[str]]:
    """List where the runs' environments differ, as `list_differences` does."""
    return list_differences(
        [{k: v for k, v in run.environment.items() if k not in TOLD_ELSEWHERE} for run in runs]
    )


def describe_reproducibility(runs: Sequence[RunRecord]) -> list[str]:
    """Say of runs with the same config and data whether their results are the same.

    Returns:
        A sentence or two for each two or more such runs. Where results differ, they say
        which differences of the environments may be why.
    """
    groups: dict[str, list[RunRecord]] = {}
    for run in runs:
        groups.setdefault(_identify_work(run), []).append(run)
    return [_explain(group) for group in groups.values() if len(group) > 1]


def _identify_work(run: RunRecord) -> str:
    data = run.environment.get("data", {})
    return json.dumps([run.config, data.get("train"), data.get("test")], sort_keys=True)


def _identify_results(run: RunRecord) -> str:
    """Return all numbers of a run but for its times."""
    metrics = {key: value for key, value in run.metrics.items() if key != "timing"}
    history = [{k: v for k, v in row.items() if k != "seconds"} for row in run.history]
    return json.dumps([metrics, history], sort_keys=True)


def _explain(group: Sequence[RunRecord]) -> str:
    names = ", ".join(run.name for run in group)
    if len({_identify_results(run) for run in group}) == 1:
        return f"{names}: the same config and data, and the same results to the last bit."
    reasons = [
        f"{key} ({', '.join(values)})"
        for key, values in list_environment_differences(group).items()
        if key not in WITHOUT_EFFECT
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
