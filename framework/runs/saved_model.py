"""The trained model that `enable_training: false` evaluates."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import reduce
from pathlib import Path
from typing import Any

from framework.config import Config, dump_config, load_run_config
from framework.config.model import DataConfig, ModelConfiguration
from framework.config.source_map import KeyPath
from framework.errors import ConfigError, Problem
from framework.models.top import resolve_units
from framework.runs.run_directory import MODEL_FILE, RESULTS, find_run
from framework.utils.files import read_json
from framework.utils.text import truncate

# Keys that describe a trained model, besides its top.
MODEL_KEYS: tuple[KeyPath, ...] = (
    ("model_configuration", "model_name"),
    ("model_configuration", "weights"),
    ("model_configuration", "model_arguments"),
    ("model_configuration", "trainable"),
    ("data_config", "image_shape", "image_rows"),
    ("data_config", "image_shape", "image_columns"),
    ("data_config", "image_shape", "channel_numbers"),
)
TOP: KeyPath = ("model_configuration", "model_top_config")

# Characters of a value that a message shows.
VALUE_WIDTH = 80


def resolve_saved_model(config: Config, config_stem: str) -> Config:
    """Name the model that `enable_training: false` evaluates, so that a run can be repeated.

    What the config says of the model is what the run that trained it says.

    Args:
        config: Its `saved_model` may be a run directory, a folder of runs, or a `.keras`
            file; without one it is the newest finished run of this config.
        config_stem: Name of the config file without its ending.

    Returns:
        The config, whose `saved_model` is a file where the config does not train.

    Raises:
        RunError: There is no such model.
        ConfigError: The config describes another model than its run does.
    """
    if config.training_config.enable_training:
        return config
    model = config.model_configuration
    path = Path(model.saved_model or RESULTS / config_stem).expanduser()
    if path.suffix != ".keras":
        path = find_run(path) / MODEL_FILE
    trained = path.with_name("config.json")
    if path.name == MODEL_FILE and trained.is_file():
        saved = load_run_config(trained.parent)
        if problems := list(_list_contradictions(config, saved, trained)):
            raise ConfigError(problems)
        shape, model = saved.data_config.image_shape, saved.model_configuration
        config = replace(config, data_config=replace(config.data_config, image_shape=shape))
    return replace(config, model_configuration=replace(model, saved_model=str(path)))


def _list_contradictions(config: Config, saved: Config, trained: Path) -> Iterator[Problem]:
    """Yield each key by which a config describes another model than the run of the model does.

    A key that is left out, or in a config without a text has its default, describes nothing.
    """
    classes = len(read_json(trained.with_name("environment.json")).get("class_names", ()))
    config, saved = (_resolve_units(each, classes) for each in (config, saved))
    undescribed = Config(config.training_config, DataConfig(), ModelConfiguration("", {}))
    mine, theirs, default = map(dump_config, (config, saved, undescribed))
    for values in (mine, theirs, default):  # What to do without the weights trained nothing.
        values["model_configuration"]["weights"] = values["model_configuration"]["weights"]["name"]
    for path in (*MODEL_KEYS, *_list_top_keys(_read(mine, TOP), _read(theirs, TOP))):
        found, expected = _read(mine, path), _read(theirs, path)
        given = config.source_map.contains(path) or found != _read(default, path)
        if found != expected and given:
            yield config.source_map.make_problem(
                path,
                f"expected {_format(expected, path)}, as the saved model was trained ({trained}). "
                f"Found {_format(found, path)}. Name another saved_model, or evaluate it with "
                "that config.",
            )


def _resolve_units(config: Config, classes: int) -> Config:
    model = config.model_configuration
    top = resolve_units(model.model_top_config, classes)
    return replace(config, model_configuration=replace(model, model_top_config=top))


def _list_top_keys(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[KeyPath]:
    """Yield the path of each key of each layer, or of the layer if one of two tops lacks it."""
    for layer in dict.fromkeys([*mine, *theirs]):
        if layer in mine and layer in theirs:
            yield from ((*TOP, layer, key) for key in mine[layer])
        else:
            yield (*TOP, layer)


def _read(values: Any, path: KeyPath) -> Any:
    """Return a nested value; `None` if there is none."""
    return reduce(lambda inner, key: (inner or {}).get(key), path, values)


def _format(value: Any, path: KeyPath) -> str:
    if value is None and path[:-1] == TOP:
        return "no such layer"
    return truncate(json.dumps(value, ensure_ascii=False), VALUE_WIDTH)
