"""The manifest of a run, `environment.json`: its data, weights, fallbacks and versions."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from framework.config import Config
from framework.config.catalog import IMAGENET, NO_BACKBONE
from framework.config.keras_file import is_keras_file, read_keras_file
from framework.config.serialization import list_changes
from framework.data.appearance import measure_appearance
from framework.data.dataset import Dataset
from framework.errors import RunError
from framework.hub.presets import is_hub, make_title
from framework.models.classifier import Classifier
from framework.models.keras_backbone import choose_preprocessing
from framework.runs.run_directory import MODEL_FILE
from framework.utils.environment import describe_environment
from framework.utils.fallbacks import Fallback
from framework.utils.files import read_json, write_json
from framework.utils.text import hide_passwords

RUN = "run"
"""The key of `environment.json` that says which run it is: name, start, command and config."""

CONFIG_ENDINGS = (".json", ".yaml", ".yml")


def describe_run(
    config: Config,
    dataset: Dataset,
    classifier: Classifier,
    fallbacks: Sequence[Fallback | None],
) -> dict[str, Any]:
    """Describe what a run is made of, as `environment.json` holds it.

    Args:
        config: Its weights, or its saved model, name the file that was loaded.
        dataset: The loaded data set.
        classifier: To be trained, or only evaluated.
        fallbacks: Those used for the data set and for the weights; `None` where none was.
    """
    used = [fallback for fallback in fallbacks if fallback is not None]
    if config.training_config.enable_training:
        of_weights = next((each for each in used if each.what == "weights"), None)
        weights = name_weights(config, of_weights)
    else:
        weights, earlier = _read_weights(Path(str(config.model_configuration.saved_model)))
        used += earlier
    return {
        **describe_environment(),
        "seed": config.training_config.seed,
        "subject": f"{_name_network(config, weights)} on {dataset.title}",
        "substitutions": [asdict(fallback) for fallback in used],
        "data": {
            "name": dataset.name,
            "place": dataset.location,
            "train": dataset.train.fingerprint,
            "test": dataset.test.fingerprint,
            "remarks": list(dataset.remarks),
            "excluded": {split: len(found) for split, found in dataset.excluded.items()},
        },
        **_describe_appearance(config, dataset),
        "weights": {
            "name": weights,
            "fingerprint": classifier.fingerprint_backbone(),
            **_describe_preprocessing(config),
        },
        "class_names": list(classifier.class_names),
    }


def _describe_preprocessing(config: Config) -> dict[str, Any]:
    """Return how the network of a file gets its images, and whether that was guessed."""
    model = config.model_configuration
    if not (is_keras_file(model.model_name) and config.training_config.enable_training):
        return {}
    if model.preprocessing is not None:
        return {"preprocessing": model.preprocessing}
    described = read_keras_file(model.model_name)
    guessed = "" if described.scales else " (guessed)"
    return {"preprocessing": choose_preprocessing(described) + guessed}


def describe_start(
    directory: Path, command: str | None, config: Config, started: float | None = None
) -> dict[str, Any]:
    """Describe how a run began, for the head of its report.

    Args:
        directory: The run directory.
        command: What the user typed, or called; `None` for a trial of a sweep.
        config: Knows the file that it was read from, if it was.
        started: When that was, by `time.perf_counter`; `None`: now.
    """
    ago = timedelta(seconds=time.perf_counter() - started if started is not None else 0)
    place, source = directory.resolve(), config.source_map.source
    return {
        "name": f"{place.parent.name}/{place.name}",
        "started": (datetime.now().astimezone() - ago).isoformat(timespec="seconds"),
        "command": None if command is None else hide_passwords(command),
        "config": source if Path(source).suffix in CONFIG_ENDINGS else None,
    }


def _name_network(config: Config, weights: str) -> str:
    """Return what was trained, as titles say it."""
    name, saved = config.model_configuration.model_name, config.model_configuration.saved_model
    if not config.training_config.enable_training:
        path = Path(str(saved))
        if not path.with_name("environment.json").is_file():
            return path.name  # Nothing tells whether the config describes it.
    if name == NO_BACKBONE:
        return "network without backbone"
    title = name
    if is_keras_file(name):  # All runs call their file the same.
        title = "/".join(Path(name).parts[-2 if Path(name).name == MODEL_FILE else -1 :])
    elif is_hub(name):
        title = make_title(name)
    own = config.model_configuration.weights.name == name
    return title if own else f"{title} ({weights})"


def write_environment(
    directory: Path, environment: Mapping[str, Any], notes: Sequence[str]
) -> dict[str, Any]:
    """Write `environment.json` at the start of a run.

    Args:
        directory: The run directory. If a run is resumed, its `environment.json` is there, and
            a note is added about what has changed since.
        environment: As `describe_run` returns it.
        notes: Remarks for the user.

    Returns:
        What was written: the environment with all `notes`.

    Raises:
        RunError: The `environment.json` that is there is damaged, or can't be written.
    """
    path = directory / "environment.json"
    before = read_json(path) if path.exists() else {}
    # When and how it is resumed is no other condition; an older version may have written less.
    begun = {RUN: before.pop(RUN)} if RUN in before else {}
    now = {name: environment[name] for name in before if name in environment}
    if changes := list_changes({name: before[name] for name in now}, now):
        notes = (
            *notes,
            "The run resumes under other conditions than it began with, and may end with other "
            f"results: {'; '.join(changes)}.",
        )
    written = {**environment, **begun, "notes": tuple(notes)}
    write_json(path, written)
    return written


def name_weights(config: Config, fallback: Fallback | None) -> str:
    """Return what to call the backbone's weights that were really used."""
    if config.model_configuration.model_name == NO_BACKBONE:
        return "random weights"
    name = fallback.used if fallback else config.model_configuration.weights.name
    if name == IMAGENET:
        return "ImageNet weights"
    if name in (None, "random"):
        return "random weights"
    if is_hub(name):
        return f"weights of {make_title(str(name))}"
    path = Path(str(name))
    if path.name == MODEL_FILE:
        return f"backbone of the run {path.parent}"
    return f"weights of {path.name}"


def _describe_appearance(config: Config, dataset: Dataset) -> dict[str, Any]:
    """Return what the images that the model was trained on look like, if that is known."""
    if config.training_config.enable_training:
        return {"appearance": asdict(measure_appearance(dataset.train))}
    path = Path(str(config.model_configuration.saved_model)).with_name("environment.json")
    environment = read_json(path) if path.is_file() else {}
    return {name: value for name, value in environment.items() if name == "appearance"}


def _read_weights(model_path: Path) -> tuple[str, list[Fallback]]:
    """Return the backbone's weights and their fallbacks, as the run that saved a model has them."""
    path = model_path.with_name("environment.json")
    if not path.is_file():
        return f"weights of {model_path.name}", []
    environment = read_json(path)
    try:
        fallbacks = [
            Fallback(**record)
            for record in environment["substitutions"]
            if record["what"] == "weights"
        ]
        return environment["weights"]["name"], fallbacks
    except (KeyError, TypeError) as error:
        raise RunError(f"{path} does not describe the model's weights: {error}.") from error
