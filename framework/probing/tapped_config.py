"""The config of a run that reads the layer which a probe has found."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

import yaml

from framework.config import Config, dump_config, resolve_config
from framework.config.model import FeatureCache
from framework.probing.pooling import LayerOutput
from framework.probing.probe_table import Row

SOLVER = {"name": "ridge", "alpha": "auto"}


def tap_layer(config: Config, output: LayerOutput, best: Row, classes: int) -> dict[str, Any]:
    """Return a config's values with another top: a linear classifier on a layer.

    Args:
        config: What was probed.
        output: The layer.
        best: Says how it is read, and of which backbone it is.
        classes: Number of classes.

    Returns:
        Plain values; those that are defaults are left out.
    """
    values = dump_config(config)
    model = values["model_configuration"]
    if model["model_name"] != best.backbone:
        model |= {"model_name": best.backbone, "model_arguments": {}}
    model |= {"model_top_config": output.make_top(best.pooling, classes), "trainable": "none"}
    model["saved_model"] = None
    training = values["training_config"]
    training |= {"enable_training": True, "solver": SOLVER, "fine_tuning": None}
    if training["feature_cache"]["augmented_views"] == "fresh":  # The solver reads stored views.
        training["feature_cache"]["augmented_views"] = FeatureCache().augmented_views
    for key in ("feature_maps", "filters"):  # Of the top there is nothing left.
        drawn = values["report_config"][key]
        values["report_config"][key] = [
            name for name in drawn if name not in config.model_configuration.model_top_config
        ]
    required = {key: model[key] for key in ("model_name", "model_top_config")}
    defaults = {"training_config": {}, "data_config": {}, "model_configuration": required}
    kept = _drop_defaults(values, dump_config(resolve_config(defaults)))
    kept.setdefault("training_config", {})
    kept.setdefault("data_config", {})
    kept["model_configuration"] = {**required, **kept.get("model_configuration", {})}
    return kept


def _drop_defaults(values: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    kept = {}
    for key, value in values.items():
        default = defaults.get(key, ...)
        if isinstance(value, Mapping) and isinstance(default, Mapping):
            if inner := _drop_defaults(value, default):
                kept[key] = inner
        elif value != default:
            kept[key] = value
    return kept


def format_config(values: Mapping[str, Any], heading: str) -> str:
    """Return a config as YAML, below a comment."""
    comment = textwrap.indent(textwrap.fill(heading, 98), "# ")
    return f"{comment}\n{yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True)}"
