"""What records a run, besides its directory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keras.callbacks import Callback

from framework.config import Config
from framework.models.classifier import Classifier


@dataclass(frozen=True)
class TrackedRun:
    """A run that is recorded.

    Args:
        directory: The run directory.
        config: The run's config.
        environment: `environment.json`.
        classifier: What trains.
    """

    directory: Path
    config: Config
    environment: Mapping[str, Any]
    classifier: Classifier


class Tracker:
    """Records nothing."""

    callbacks: Sequence[Callback] = ()
    """Keras callbacks that see every epoch."""

    def finish(self, history: Sequence[Mapping[str, Any]], metrics: Mapping[str, Any]) -> None:
        """Record the results of a run whose files are all written.

        Args:
            history: The rows of `history.csv`.
            metrics: `metrics.json`.
        """

    def close(self, status: str) -> None:
        """End the record.

        Args:
            status: `"FINISHED"`, `"FAILED"` or `"KILLED"`, which may be resumed.
        """
