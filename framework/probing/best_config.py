"""The config of a run whose top reads the best layer of a probe."""

import textwrap
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import yaml

from framework.config import Config, catalog, dump_config, resolve_config
from framework.config.catalog import BACKBONE_OUTPUT, IMAGENET
from framework.config.model import FeatureCache, ModelConfiguration
from framework.probing.probe_rows import ProbeRow

SOLVER = {"name": "ridge", "alpha": "auto"}


def switch_backbone(model: ModelConfiguration, name: str) -> ModelConfiguration:
    """Return a model with another backbone, pretrained if the first one is: a file by its own."""
    weights = model.weights
    if weights.name is not None:
        weights = replace(weights, name=name if catalog.has_own_weights(name) else IMAGENET)
    return replace(model, model_name=name, model_arguments={}, preprocessing=None, weights=weights)


def replace_top(config: Config, best: ProbeRow) -> dict[str, Any]:
    """Return a config's values with another top: a linear classifier on the best layer.

    Returns:
        Plain values without those that are defaults.
    """
    if config.model_configuration.model_name != best.backbone:
        switched = switch_backbone(config.model_configuration, best.backbone)
        config = replace(config, model_configuration=switched)
    values = dump_config(config)
    model = values["model_configuration"]
    layers = catalog.load_backbone_layers(best.backbone)
    top = {  # A network of one's own may have layers of the same names.
        f"probed_{name}" if name in layers else name: layer
        for name, layer in best.output.make_top(best.pooling).items()
    }
    first = next(iter(top.values()))
    if first["input_layer"] not in layers:  # What `pooling` adds has no name in a config.
        first["input_layer"] = BACKBONE_OUTPUT
    model |= {"model_top_config": top, "trainable": "none", "saved_model": None}
    training = values["training_config"]
    training |= {"enable_training": True, "solver": SOLVER, "fine_tuning": None}
    if training["feature_cache"]["augmented_views"] == "fresh":  # The solver reads stored views.
        training["feature_cache"]["augmented_views"] = FeatureCache().augmented_views
    for key in ("feature_maps", "filters"):  # The layers of the old top, or backbone, are gone.
        named = values["report_config"][key]
        values["report_config"][key] = [name for name in named if name in layers]
    required = {key: model[key] for key in ("model_name", "model_top_config")}
    sections = {"training_config": {}, "data_config": {}, "model_configuration": required}
    kept = _drop_defaults(values, dump_config(resolve_config(sections)))
    for name in ("training_config", "data_config"):
        kept.setdefault(name, {})
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
