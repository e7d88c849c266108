"""Keras callbacks: those of the config, and those that the framework adds."""

import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np

from framework.models.classifier import Classifier, save_classifier
from framework.utils.files import write_text
from framework.utils.optional_dependencies import require_packages
from framework.utils.tables import format_csv

# Arguments that name a file or folder to write: it lies inside the run directory.
PATH_ARGUMENTS = ("filepath", "filename", "log_dir")


def build_callbacks(
    conf: Mapping[str, Mapping[str, Any]], directory: Path, classifier: Classifier
) -> list[keras.callbacks.Callback]:
    """Build the callbacks that `call_backs_conf` names.

    Args:
        conf: Name of a Keras callback -> its arguments.
        directory: The run directory; relative paths among the arguments start there.
        classifier: The whole classifier, which `ModelCheckpoint` saves.
    """
    return [
        _build_callback(name, dict(arguments), directory, classifier)
        for name, arguments in conf.items()
    ]


def _build_callback(
    name: str, arguments: dict[str, Any], directory: Path, classifier: Classifier
) -> keras.callbacks.Callback:
    for argument in PATH_ARGUMENTS:
        if argument in arguments:
            path = directory / arguments[argument]
            path.parent.mkdir(parents=True, exist_ok=True)
            arguments[argument] = str(path)
    if name == "ModelCheckpoint":
        return _ClassifierCheckpoint(classifier, **arguments)
    if name == "TerminateOnNaN":  # It ends the epoch early; `DivergenceGuard` reports why.
        arguments.pop("raise_error", None)
    if name == "TensorBoard":
        arguments.setdefault("log_dir", str(directory / "logs"))
        # Keras raises too late, and TensorFlow does not always install it.
        purpose = f"training_config.call_backs_conf.{name}"
        require_packages(purpose, {"tensorboard": "tensorboard"}, "tracking")
    return getattr(keras.callbacks, name)(**arguments)


def continue_logs(callbacks: Sequence[keras.callbacks.Callback]) -> None:
    """Have callbacks append to their files, which they would otherwise start again in `fit`."""
    for callback in callbacks:
        if isinstance(callback, keras.callbacks.CSVLogger):
            callback.append = True


def close_logs(callbacks: Sequence[keras.callbacks.Callback]) -> None:
    """Close the files that callbacks leave open when `fit` fails."""
    for callback in callbacks:
        if isinstance(callback, keras.callbacks.CSVLogger) and callback.csv_file is not None:
            callback.csv_file.close()


class _ClassifierCheckpoint(keras.callbacks.ModelCheckpoint):
    """Saves the whole classifier, though Keras trains only its head."""

    _model: Any

    def __init__(self, classifier: Classifier, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._classifier = classifier

    def _save_model(self, epoch: int, batch: int | None, logs: Mapping[str, Any] | None) -> None:
        # Only here: to compare epochs, Keras needs the model that it trains.
        head = self._model
        self._model = SimpleNamespace(
            save=lambda path, overwrite: save_classifier(self._classifier, Path(path)),
            save_weights=self._classifier.model.save_weights,
        )
        try:
            super()._save_model(epoch, batch, logs)
        finally:
            self._model = head


class BestWeights(keras.callbacks.Callback):
    """Ends each phase of a training with the weights of its best epoch so far.

    Best is the lowest validation loss. Where no epoch of a phase is better than those
    of the phases before, the phase ends with the weights that it began with.
    """

    def __init__(self) -> None:
        super().__init__()
        self.best_epoch: int | None = None  # Counted from 0, as `EarlyStopping` does.
        self._loss = math.inf
        self._weights: list[np.ndarray] = []

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Take the weights at the phase's start, which trains other layers, as the best so far."""
        self._weights = self.model.get_weights()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Keep the weights if they are the best."""
        loss = (logs or {})["val_loss"]
        if loss < self._loss:
            self._loss, self.best_epoch = loss, epoch
            self._weights = self.model.get_weights()

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """Restore the best weights."""
        self.model.set_weights(self._weights)


def find_model_epoch(callbacks: Sequence[keras.callbacks.Callback], last: int) -> int | None:
    """Return the epoch, counted from 1, whose weights a model has when its training has ended.

    Args:
        callbacks: Those of the training; the last of them that restores weights decides.
        last: The last epoch.

    Returns:
        The epoch; `None` if a checkpoint of an older version did not keep it.
    """
    for callback in reversed(callbacks):
        if isinstance(callback, BestWeights):
            return None if callback.best_epoch is None else callback.best_epoch + 1
        if isinstance(callback, keras.callbacks.EarlyStopping) and callback.best_weights:
            return int(callback.best_epoch) + 1
    return last


class HistoryRecorder(keras.callbacks.Callback):
    """Records one row an epoch, in memory and in `history.csv`.

    Args:
        path: The file, rewritten after every epoch.

    Attributes:
        rows: One an epoch; the keys are the columns.
        phase: The last column, if a training has several phases.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.rows: list[dict[str, Any]] = []
        self.phase: str | None = None
        self._path = path
        self._started = 0.0
        self._rate = 0.0

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Start the timer, and note the learning rate, which callbacks change between epochs."""
        self._rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        self._started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Add a row."""
        self.add_row(epoch + 1, logs or {}, self._rate, time.perf_counter() - self._started)

    def add_row(
        self, epoch: int, logs: Mapping[str, Any], learning_rate: float | None, seconds: float
    ) -> None:
        """Add a row; a closed form has no learning rate."""
        metrics = {name: float(value) for name, value in logs.items()}
        metrics.pop("learning_rate", None)
        self.rows.append(
            {
                "epoch": epoch,
                **{name: metrics.pop(name, None) for name in LEADING_METRICS},
                "learning_rate": learning_rate,
                "seconds": round(seconds, 3),
                **metrics,
                **({"phase": self.phase} if self.phase else {}),
            }
        )
        write_history(self._path, self.rows)


LEADING_METRICS = ("loss", "accuracy", "val_loss", "val_accuracy")


def write_history(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write the rows of a training as CSV, a line for each epoch."""
    columns = list(rows[0])
    write_text(path, format_csv(columns, ([row.get(name) for name in columns] for row in rows)))
