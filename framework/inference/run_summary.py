"""The records of a finished run that describe its classifier, read without TensorFlow."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from framework import __version__
from framework.config import Config, load_run_config
from framework.data.appearance import Appearance
from framework.errors import ConfigError, RunError
from framework.inference.polarity import read_appearance
from framework.runs.run_directory import MODEL_FILE, find_run
from framework.utils.files import read_json


@dataclass(frozen=True)
class RunSummary:
    """A finished run whose model can be loaded.

    Args:
        run: The run directory.
        config: The run's config, which says how images are resized to the network's input.
        data_name: The data set that the classifier was trained on.
        appearance: What the training images look like.
        subject: What was trained on what, for people.
        test_accuracy: On the test images, in 0 to 1; `None` if they have no labels.
        environment: `environment.json`.
    """

    run: Path
    config: Config
    data_name: str
    appearance: Appearance
    subject: str
    test_accuracy: float | None
    environment: Mapping[str, Any] = field(repr=False)

    @property
    def formatted_accuracy(self) -> str:
        """The test accuracy in percent, or that it is unknown."""
        return "unknown" if self.test_accuracy is None else f"{100 * self.test_accuracy:.2f} %"


def read_summary(run: str | Path) -> RunSummary:
    """Read the records of a finished run.

    Args:
        run: As for `load_classifier`.

    Raises:
        RunError: See `load_classifier`; a damaged model is not noticed.
    """
    directory = find_run(Path(run).expanduser())
    environment = read_json(directory / "environment.json")
    version = str(environment.get("framework", "0"))
    if _parse_version(version) > _parse_version(__version__):
        raise RunError(
            f"The run in {directory} was written by version {version}, which is newer than this "
            f"one, {__version__}. Install that version (git pull, in the folder of the framework)."
        )
    if not (directory / MODEL_FILE).is_file():
        raise RunError(
            f"{directory} holds no {MODEL_FILE}. Train the model again with: "
            f"python run.py --config {directory / 'config.json'}"
        )
    try:
        config = load_run_config(directory)
    except ConfigError as error:
        raise RunError(f"The config of the run can't be read. {error}") from error
    metrics = read_json(directory / "metrics.json")
    try:
        return RunSummary(
            run=directory,
            config=config,
            data_name=environment["data"]["name"],
            appearance=read_appearance(environment),
            subject=environment["subject"],
            test_accuracy=metrics.get("test", {}).get("accuracy"),
            environment=environment,
        )
    except KeyError as error:
        raise RunError(f"The records of the run in {directory} lack {error}.") from error


def _parse_version(version: str) -> tuple[int, ...]:
    """Return the numbers of a version's release, without a suffix such as `rc1`."""
    release = re.split(r"[^\d.]", version)[0]
    return tuple(int(number) for number in release.split(".") if number)
