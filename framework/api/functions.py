"""What the commands do, as functions."""

import json
import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from framework import config as configs
from framework.api.results import Evaluation, Run, load_run
from framework.config import Config, dump_config
from framework.data.evaluation_set import load_evaluation_set
from framework.experiment import RunOptions, start_experiment
from framework.inference.evaluate_run import evaluate_run
from framework.inference.picture_reader import DEFAULTS, ReadOptions
from framework.probing.backbone_probe import DEFAULT_IMAGES, DEFAULT_SHOTS, ProbeSettings
from framework.probing.probe import run_probe
from framework.probing.probe_results import Probe
from framework.utils.console import start_console

ConfigLike = str | Path | Mapping[str, Any] | Config
"""The path of a JSON or YAML file, a dict as such a file holds it, or a checked config."""

Overrides = Mapping[str, Any] | Sequence[str] | None
"""Dotted key -> value, such as `{"training_config.epochs": 3}`, or `KEY=VALUE` as for `--set`."""


def train(config: ConfigLike, overrides: Overrides = None, output: str | Path | None = None) -> Run:
    """Train, evaluate and report: `run.py --config` in Python, with the same results.

    Args:
        config: As for `load_config`.
        overrides: See `Overrides`.
        output: The run directory; by default `results/<config>/<YYYYmmdd-HHMMSS>`.

    Returns:
        The finished run.

    Raises:
        ConfigError: The config is wrong.
        UsageError: `output` is not empty.
        RunError: Data or weights can't be loaded, a file can't be written, or the training
            has diverged.
        InterruptedRunError: The user stopped it; `run.py --resume` goes on.
    """
    started, command = time.perf_counter(), _format_call("train", config, overrides)
    loaded = load_config(config, overrides)
    _show_messages()
    options = RunOptions(started=started, command=command)
    return Run(start_experiment(loaded, _find_stem(config), _to_path(output), options))


def probe(
    config: ConfigLike,
    layers: str | Sequence[str] = "auto",
    images: int = DEFAULT_IMAGES,
    shots: Sequence[int | str] = DEFAULT_SHOTS,
    backbones: Sequence[str] = (),
    overrides: Overrides = None,
    output: str | Path | None = None,
) -> Probe:
    """Find the layer of a frozen backbone that a top should read: `run.py probe` in Python.

    Args:
        config: As for `load_config`.
        layers: `"auto"`, `"all"`, a name, or several.
        images: The most images of training and validation together.
        shots: Numbers of training images per class, and `"all"`.
        backbones: Keras Applications to probe; none: the config's own.
        overrides: See `Overrides`.
        output: The directory to write to; by default one under `results/`.

    Returns:
        What was measured of each layer.

    Raises:
        ConfigError: The config is wrong.
        UsageError: There is no such layer or backbone, or there are too few images.
        RunError: Data or weights can't be loaded, or a file can't be written.
    """
    loaded = load_config(config, overrides)
    _show_messages()
    settings = ProbeSettings(layers, images, shots, backbones)
    return run_probe(loaded, _find_stem(config), settings, _to_path(output))


def evaluate(
    run: str | Path | Run,
    data: str | Path,
    output: str | Path | None = None,
    options: ReadOptions = DEFAULTS,
) -> Evaluation:
    """Measure a classifier on other labeled images: `run.py evaluate` in Python.

    Args:
        run: A run, its directory, or a folder of runs.
        data: A folder of class folders, a table, an `.npz` archive, or the name of a data set.
        output: The directory to write to; by default one under `results/`.
        options: How images are read.

    Returns:
        Metrics and predictions.

    Raises:
        UsageError: There is nothing of that name, or `output` is not empty.
        RunError: The run or the images can't be loaded, or a file can't be written.
    """
    found = run if isinstance(run, Run) else load_run(run)
    evaluated = load_evaluation_set(str(data))
    _show_messages()
    command = _format_call("evaluate", found.directory, str(data))
    place = _to_path(output)
    return Evaluation(evaluate_run(found.classifier, evaluated, place, options, command))


def load_config(config: ConfigLike, overrides: Overrides = None) -> Config:
    """Load and check a config.

    Args:
        config: See `ConfigLike`. Paths in a dict are relative to the working directory.
        overrides: See `Overrides`.

    Returns:
        The config, with every default filled in.

    Raises:
        ConfigError: The config is wrong; the error lists every problem.
    """
    if isinstance(overrides, Mapping):
        overrides = [f"{key}={json.dumps(value, default=str)}" for key, value in overrides.items()]
    if isinstance(config, str | Path):
        return configs.load_config(config, overrides or ())
    values = dump_config(config) if isinstance(config, Config) else config
    return configs.resolve_config(values, overrides=overrides or ())


def _find_stem(config: ConfigLike) -> str:
    """Return what the results folder of a config is called."""
    return Path(config).stem if isinstance(config, str | Path) else "config"


def _format_call(name: str, given: Any, *others: Any) -> str:
    """Return a call as a report shows it: without what was not given, and without whole configs."""
    first = repr(str(given)) if isinstance(given, str | Path) else f"<{type(given).__name__}>"
    return f"framework.{name}({', '.join([first, *(repr(each) for each in others if each)])})"


def _to_path(output: str | Path | None) -> Path | None:
    return None if output is None else Path(output)


def _show_messages() -> None:
    """Print what the command line prints, unless the program has set up logging."""
    if not logging.getLogger("framework").hasHandlers():
        start_console()
