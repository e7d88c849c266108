"""What the head of a page says of a run: which it is, when, by which command, and where."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from framework.runs.manifest import RUN
from framework.utils.text import format_duration, pluralize


def describe_run(
    environment: Mapping[str, Any], metrics: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """Yield names and texts.

    Args:
        environment: `environment.json`; that of an older run tells less.
        metrics: `metrics.json`.
    """
    begun = environment.get(RUN, {})
    if "started" in begun:
        yield "Run", begun["name"]
        yield "Date", datetime.fromisoformat(begun["started"]).strftime("%Y-%m-%d %H:%M:%S %z")
    if begun.get("config"):
        yield "Config file", begun["config"]
    if begun.get("command"):
        yield "Command", begun["command"]
    if "timing" in metrics:
        yield "Duration", format_duration(sum(metrics["timing"].values()))
    if "processor" in environment:
        count = pluralize(environment["processors"], "processor")
        accelerators = environment.get("accelerators", ())
        yield "Machine", ", ".join([environment["processor"], count, *accelerators])
