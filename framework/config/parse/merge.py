"""A config over its base, and options over a config."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from framework.config.model import DataConfig, ModelConfiguration, TrainingConfig
from framework.config.parse.document import Document, read_document
from framework.config.parse.parsed_text import TextError
from framework.config.parse.yaml_parser import parse_yaml_value
from framework.config.source_map import KeyPath, SourceMap, join_path
from framework.config.violations import format_mismatch
from framework.errors import ConfigError, Problem

DROPPABLE: tuple[KeyPath, ...] = (
    ("training_config", "call_backs_conf"),
    ("data_config", "data_augmentation"),
    ("model_configuration", "model_top_config"),
)
"""Objects whose entries a later config may drop, by setting them to null."""

DATASET: KeyPath = ("data_config", "dataset")

NAME_KEYS = ("name", "class_name", "layer_type")
"""An object that names another thing than its base does replaces it as a whole."""

SHORTHANDS: dict[KeyPath, Any] = {
    ("training_config", "optimizer"): TrainingConfig.optimizer.name,
    ("training_config", "loss"): TrainingConfig.loss.name,
    ("training_config", "tracking"): "mlflow",
    DATASET: DataConfig.dataset.name,
    ("model_configuration", "weights"): ModelConfiguration.weights.name,
}
"""Keys whose value may be a name alone, with the name that holds by default."""


def read_chain(path: Path) -> tuple[dict[str, Any], SourceMap]:
    """Read a config and the configs it extends.

    Returns:
        The merged values, without `extends`, and where each comes from.

    Raises:
        ConfigError: A file can't be read, or the configs extend each other in a cycle.
    """
    documents = [read_document(path)]
    files = [path.resolve()]
    while "extends" in documents[-1].values:
        base, source = _find_base(documents[-1], files)
        files.append(base)
        documents.append(read_document(base, source))
    values: dict[str, Any] = {}
    source_map = SourceMap(str(path))
    for (own, own_map), file in zip(reversed(documents), reversed(files), strict=True):
        own.pop("extends", None)
        anchor_data_paths(own, file.parent)
        _merge_objects(values, source_map, own, own_map, ())
        source_map.problems.extend(own_map.problems)
    return values, source_map


def anchor_data_paths(values: dict[str, Any], folder: Path) -> None:
    """Make the paths of the data set absolute, in place, if they are in a folder."""
    dataset: Any = values
    for key in DATASET:
        dataset = dataset.get(key) if isinstance(dataset, dict) else None
    for key in ("path", "exclude"):
        path = dataset.get(key) if isinstance(dataset, dict) else None
        if isinstance(path, str) and path and "\0" not in path and (folder / path).exists():
            dataset[key] = os.path.abspath(folder / path)


def _find_base(document: Document, files: Sequence[Path]) -> tuple[Path, str]:
    """Return the file that the last of some files extends, and what problems call it."""
    extends = document.values["extends"]
    if not isinstance(extends, str) or not extends or "\0" in extends:
        message = format_mismatch("the path of another config", extends)
    else:
        base = (files[-1].parent / extends).resolve()
        source = str(Path(document.source_map.source).parent / extends)
        if base not in files and base.exists():
            return base, source
        message = f"expected a config file. There is no '{source}'."
        if base in files:
            cycle = " -> ".join(file.name for file in [*files[files.index(base) :], base])
            message = f"the configs extend each other in a cycle: {cycle}"
    raise ConfigError([document.source_map.make_problem(("extends",), message)])


def _merge_objects(
    values: dict[str, Any],
    source_map: SourceMap,
    other: dict[str, Any],
    other_map: SourceMap,
    path: KeyPath,
) -> None:
    """Lay an object over the one at `path`, in place: objects key by key, all else as a whole."""
    source_map.set_location(path, other_map)
    for key, value in other.items():
        here = (*path, key)
        if value is None and path in DROPPABLE and key in values:
            del values[key]
            source_map.forget(here)
        elif _extends_object(values.get(key), value):
            _merge_objects(values[key], source_map, value, other_map, here)
        else:
            values[key] = value
            source_map.replace(here, other_map)


def _extends_object(base: Any, other: Any) -> bool:
    """Return whether an object adds to another, rather than replacing it."""
    if not isinstance(base, dict) or not isinstance(other, dict):
        return False
    return all(base.get(key) == other[key] for key in NAME_KEYS if key in other and key in base)


def apply_overrides(
    values: dict[str, Any], source_map: SourceMap, overrides: Sequence[str]
) -> None:
    """Set keys by options such as `training_config.epochs=3`, in place.

    Args:
        values: The values of a config.
        source_map: Where they come from.
        overrides: `KEY=VALUE` each; the key is a dotted path, with indices for
            the elements of lists, and the value is read as YAML.

    Raises:
        ConfigError: An option has no such form, or its key leads nowhere.
    """
    problems = []
    for override in overrides:
        option = f"--set {override}"
        try:
            parts, value = _parse_override(override)
            source_map.set_option(set_value(values, parts, value), option)
        except TextError as error:
            problems.append(Problem(join_path(error.path), error.message, option))
    if problems:
        raise ConfigError(problems)


def _parse_override(override: str) -> tuple[list[str], Any]:
    """Return the parts of the path, and the value of an option."""
    dotted, equals, text = override.partition("=")
    parts = dotted.strip().split(".")
    if not equals or not all(parts):
        raise TextError("expected KEY=VALUE, such as training_config.epochs=3")
    if parts[0] == "extends":
        raise TextError("a config extends another in its file, not by an option", path=("extends",))
    try:
        return parts, parse_yaml_value(text)
    except TextError as error:
        raise TextError(error.message, path=tuple(parts)) from None


def set_value(values: dict[str, Any], parts: Sequence[str], value: Any) -> KeyPath:
    """Set a value in place, creating the objects on the way.

    Args:
        values: The values of a config.
        parts: The parts of a dotted path.
        value: The value.

    Returns:
        The path of the value.

    Raises:
        TextError: The path leads nowhere.
    """
    node: Any = values
    path: KeyPath = ()
    for part in parts[:-1]:
        index = _find_index(node, part, (*path, part))
        path = (*path, index)
        present = isinstance(node, list) or index in node
        child = node[index] if present else None
        if not isinstance(child, dict | list):
            child = node[index] = _open_value(child, path, present)
        node = child
    last = _find_index(node, parts[-1], (*path, parts[-1]))
    if value is None and path in DROPPABLE and last in node:
        del node[last]
    else:
        node[last] = value
    return (*path, last)


def _find_index(node: Any, part: str, path: KeyPath) -> Any:
    """Return the key, or the index for a list, that a part of a path stands for."""
    if isinstance(node, dict):
        return part
    if part.isdecimal() and len(part) < 10 and int(part) < len(node):
        return int(part)
    if not node:
        raise TextError("the list is empty: set it as a whole, with [...]", path=path)
    expected = f"an index of the list, 0 to {len(node) - 1}"
    raise TextError(format_mismatch(expected, part), path=path)


def _open_value(value: Any, path: KeyPath, present: bool) -> dict[str, Any]:
    """Return a value that is no object as one that can take keys."""
    if path in SHORTHANDS:
        return {"name": value if present else SHORTHANDS[path]}
    if path[:-1] == ("training_config", "metrics"):
        return {"name": value}
    if value is None:
        return {}
    raise TextError(format_mismatch("an object that takes keys", value), path=path)
