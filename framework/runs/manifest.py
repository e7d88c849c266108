"""What a run was really made of: data, weights, versions, and what stands in for what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from framework.config import Config
from framework.config.catalog import NO_BACKBONE
from framework.config.serialization import list_changes
from framework.data.dataset import Dataset
from framework.errors import RunError
from framework.models.classifier import Classifier
from framework.runs.run_directory import MODEL_FILE
from framework.utils.environment import describe_environment
from framework.utils.fallbacks import Fallback
from framework.utils.files import read_json


@dataclass(frozen=True)
class Provenance:
    """Where the data and the weights of a run come from.

    Args:
        dataset: What was really loaded.
        weights: The backbone's weights for people, such as `"ImageNet weights"`.
        substitutions: What stands in for what the config names.
    """

    dataset: Dataset
    weights: str
    substitutions: tuple[Fallback, ...]

    def describe_subject(self, config: Config) -> str:
        """Return what was trained on what, as every title says it."""
        name = config.model_configuration.model_name
        if name == NO_BACKBONE:
            return f"network without backbone on {self.dataset.name}"
        return f"{name} ({self.weights}) on {self.dataset.name}"

    def describe(self, config: Config, classifier: Classifier) -> dict[str, Any]:
        """Return what `environment.json` holds."""
        return {
            **describe_environment(),
            "seed": config.training_config.seed,
            "subject": self.describe_subject(config),
            "substitutions": [asdict(substitution) for substitution in self.substitutions],
            "data": {
                "name": self.dataset.name,
                "place": self.dataset.location,
                "train": self.dataset.train.fingerprint,
                "test": self.dataset.test.fingerprint,
                "remarks": list(self.dataset.remarks),
            },
            "weights": {"name": self.weights, "fingerprint": classifier.fingerprint_backbone()},
            "class_names": list(classifier.class_names),
        }


def note_changes(directory: Path, environment: Mapping[str, Any]) -> tuple[str, ...]:
    """Say what is otherwise than when a run began that now goes on.

    Args:
        directory: The run directory; `environment.json` is there if the run had come so far.
        environment: As `Provenance.describe` gives it.

    Returns:
        One note; none if all is as it was.

    Raises:
        RunError: The `environment.json` that is there is damaged.
    """
    path = directory / "environment.json"
    before = read_json(path) if path.exists() else {}
    # An older version may have written less.
    now = {name: environment[name] for name in before if name in environment}
    changes = list_changes({name: before[name] for name in now}, now)
    if not changes:
        return ()
    return (
        "The run goes on otherwise than it began, and may end with other results: "
        f"{'; '.join(changes)}.",
    )


def describe_provenance(
    config: Config, dataset: Dataset, fallbacks: Sequence[Fallback | None]
) -> Provenance:
    """Describe where the data and the weights of a run come from.

    Args:
        config: Its weights, or its saved model, name the file that was loaded.
        dataset: The loaded data set.
        fallbacks: Those used for the data set and for the weights; `None` where none was.
    """
    used = [fallback for fallback in fallbacks if fallback is not None]
    if config.training_config.enable_training:
        of_weights = next((each for each in used if each.what == "weights"), None)
        return Provenance(dataset, name_weights(config, of_weights), tuple(used))
    weights, recalled = _recall_weights(Path(str(config.model_configuration.saved_model)))
    return Provenance(dataset, weights, (*used, *recalled))


def name_weights(config: Config, substitution: Fallback | None) -> str:
    """Return the backbone's weights that were really used, for people."""
    if config.model_configuration.model_name == NO_BACKBONE:
        return "random weights"
    name = substitution.used if substitution else config.model_configuration.weights.name
    if name == "imagenet":
        return "ImageNet weights"
    if name in (None, "random"):
        return "random weights"
    path = Path(str(name))
    if path.name == MODEL_FILE:
        return f"backbone of the run {path.parent}"
    return f"weights of {path.name}"


def _recall_weights(model_path: Path) -> tuple[str, list[Fallback]]:
    """Return what the run that saved a model says of its backbone's weights."""
    path = model_path.with_name("environment.json")
    if not path.is_file():
        return f"weights of {model_path.name}", []
    environment = read_json(path)
    try:
        substitutions = [
            Fallback(**record)
            for record in environment["substitutions"]
            if record["what"] == "weights"
        ]
        return environment["weights"]["name"], substitutions
    except (KeyError, TypeError) as error:
        raise RunError(f"{path} does not say where the model comes from: {error}.") from error
