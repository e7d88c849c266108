"""Propose a config for a folder or a table of images, and write it with its reasons."""

import logging
import os
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from framework.config import resolve_config
from framework.data.registry import find_dataset
from framework.errors import UsageError
from framework.proposal.choices import Choice, list_choices
from framework.proposal.config_document import check_new, format_choices, write_new
from framework.proposal.image_survey import survey_images
from framework.proposal.machine import survey_machine
from framework.proposal.network_choice import choose_network
from framework.utils.native_logs import start_tensorflow

logger = logging.getLogger(__name__)


def propose_config(data: str, output: Path | None, with_probe: bool) -> Path:
    """Look at images, and write a commented config.

    Args:
        data: A folder, a table, an archive, or the name of a data set.
        output: The file to write, which must not exist; by default `<name of the data>.yaml`.
        with_probe: Whether layer, pooling, size and backbone are measured.

    Returns:
        The file.

    Raises:
        UsageError: There are no such images, or the file exists.
        RunError: The images can't be loaded, or the probe fails.
    """
    config = find_dataset(data)
    named = Path(data).expanduser().resolve()
    path = output or Path(f"{named.name if named.is_dir() else named.stem}.yaml")
    if path.suffix.lower() not in (".yaml", ".yml"):
        raise UsageError(f"--output: expected a file that ends in .yaml. Found {path}.")
    check_new(path)  # Before the work.
    survey = survey_images(config)
    machine = survey_machine()
    network = choose_network(survey, machine)
    data_path = None if config.path is None else _write_path(Path(config.path), path.parent)
    choices = list_choices(survey, machine, network, data_path)
    if with_probe:
        start_tensorflow()
        from framework.proposal.measure_network import measure_network

        measured = measure_network(_resolve(choices, config.path), survey, machine, network)
        choices = list_choices(survey, machine, measured, data_path)
    _resolve(choices, config.path)  # What is written passes --check.
    heading = (
        f"Written by: python run.py init {data}{' --probe' if with_probe else ''}\n"
        "Every value is yours to change; docs/config.md has all keys."
    )
    write_new(path, format_choices(choices, heading))
    logger.info("%s", next(each.reason for each in choices if each.path[-1] == "dataset"))
    logger.info("%s at %dx%d", *_name_network(choices))
    logger.info("Wrote     %s", path)
    logger.info("Next      python run.py --config %s", shlex.quote(str(path)))
    return path


def _write_path(data: Path, folder: Path) -> str:
    """Return the path of data as a config in a folder finds it from anywhere."""
    absolute, base = Path(os.path.abspath(data)), Path(os.path.abspath(folder))
    return str(absolute.relative_to(base) if absolute.is_relative_to(base) else absolute)


def _resolve(choices: Sequence[Choice], data_path: str | None) -> Any:
    """Check the config that choices make, and return it."""
    values: dict[str, Any] = {}
    for choice in choices:
        place = values
        for key in choice.path[:-1]:
            place = place.setdefault(key, {})
        place[choice.path[-1]] = choice.value
    config = resolve_config(values)
    dataset = replace(config.data_config.dataset, path=data_path)
    return replace(config, data_config=replace(config.data_config, dataset=dataset))


def _name_network(choices: Sequence[Choice]) -> tuple[str, int, int]:
    values = {choice.path[-1]: choice.value for choice in choices}
    shape = values["image_shape"]
    return values["model_name"], shape["image_rows"], shape["image_columns"]
