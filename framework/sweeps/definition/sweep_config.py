"""The section `sweep_config`: its keys, and their schema."""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass
from typing import Annotated, Any, Literal

from framework.config.fields import (
    ConfigField,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    Seed,
    config_field,
)
from framework.config.schema.config_schema import make_section_schema
from framework.config.schema.value_types import Schema, make_type_schema


@dataclass(frozen=True)
class SweepConfig:
    """Which keys are varied, how, how often, and which metric decides."""

    keys: Annotated[Mapping[str, Mapping[str, Any]], "swept keys"] = config_field(
        MISSING,
        "The keys to vary, by dotted path as `--set` takes it, each with `choice`, `range` or "
        "`log_range`.",
    )
    sampler: Literal["grid", "random", "tpe"] = config_field(
        "random",
        "How values are drawn: all combinations in order, at random without repetition, or where "
        "earlier trials were good (Optuna's tree-structured Parzen estimator).",
    )
    trials: PositiveInt | None = config_field(
        None,
        "How many trials at most; `null`: the whole grid, or until `time_budget` is used up.",
    )
    time_budget: PositiveFloat | None = config_field(
        None,
        "Seconds, from the start of the command, after which no further trial begins; a trial at "
        "work is finished.",
    )
    metric: Annotated[str, "monitor"] = config_field(
        "val_accuracy",
        "What decides: `val_accuracy`, `val_loss`, or `val_` and a metric of "
        "`training_config.metrics`. Whether more is better follows from its name.",
    )
    pruner: Literal["none", "median"] = config_field(
        "none",
        "`median` ends a trial whose metric is worse than the median of the earlier trials after "
        "as many epochs.",
    )
    pruner_startup_trials: NonNegativeInt = config_field(
        5, "Trials that must be finished before one is pruned."
    )
    pruner_warmup_epochs: NonNegativeInt = config_field(
        3, "Epochs of a trial after which it may be pruned."
    )
    seed: Seed = config_field(0, "Fixes which values are drawn; the runs have their own seed.")
    reports: NonNegativeInt | Literal["all"] = config_field(
        3,
        "How many of the best trials get figures and `report.html`, which take longer than a "
        "small training.",
    )
    storage: str | None = config_field(
        None,
        "The URL of a database for Optuna, so that several machines work on one study: "
        "`postgresql://...`; `null`: an SQLite file in the sweep's directory.",
    )
    study: str | None = config_field(
        None,
        "The name of the study in the database; `null`: made of the sweep's contents.",
    )


_INTERVAL = {**make_type_schema("2 numbers"), "title": "a list of two numbers, [lowest, highest]"}

_ENTRY: Schema = {
    "type": "object",
    "title": "an object with choice, range or log_range",
    "properties": {
        "choice": {
            "type": ["array", "object"],
            "minItems": 1,
            "minProperties": 1,
            "title": "a list of values, or an object with a value for each name",
            "description": "Values, which may be whole objects, such as a layer; or values by "
            "names that the ranking shows.",
        },
        "range": {
            **_INTERVAL,
            "description": "From the lowest to the highest, both included: integers if both are, "
            "else numbers.",
        },
        "step": {
            **make_type_schema("positive number"),
            "description": "With `range`: the difference between neighboring values.",
        },
        "log_range": {
            **_INTERVAL,
            "description": "Like `range`, with positive numbers, drawn by their logarithm.",
        },
    },
    "additionalProperties": False,
    "x-keys": "one of the keys choice, range, step, log_range",
}


def make_sweep_config_schema() -> Schema:
    """Return the JSON Schema of `sweep_config`."""
    return {
        **make_section_schema(SweepConfig, _make_value),
        "description": SweepConfig.__doc__,
    }


def _make_value(field: ConfigField) -> Schema:
    if field.name != "keys":
        return make_type_schema(field.takes)
    return {
        "type": "object",
        "title": "an object with at least one key to vary",
        "minProperties": 1,
        "additionalProperties": _ENTRY,
    }
