"""Records of a run in MLflow."""

import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import Any

import keras
import mlflow
import numpy as np
from mlflow.keras import MlflowCallback

from framework.config import dump_config
from framework.config.reserved_files import CHECKPOINT, LOCK, TRACKED, UNFINISHED
from framework.config.training_model import Tracking
from framework.runs.run_directory import MODEL_FILE
from framework.tracking.mlflow_store import (
    find_uri,
    name_store,
    open_run,
    prepare_mlflow,
    read_run_id,
    write_run_id,
)
from framework.tracking.tracker import TrackedRun, Tracker
from framework.utils.text import hide_passwords

logger = logging.getLogger(__name__)

NOT_LOGGED = (MODEL_FILE, TRACKED, UNFINISHED, LOCK, CHECKPOINT)
MAX_PARAMETERS = 100
"""What a request takes at most: MAX_PARAMS_TAGS_PER_BATCH of MLflow."""

MAX_VALUE = 6000
"""Characters of the value of a parameter."""

PACKAGES = ("keras", "tensorflow", "numpy")


class MlflowTracker(Tracker):
    """Records a run by MLflow's callback for Keras, and its API.

    A server that does not answer ends no training: the record goes on in the local database.

    Args:
        run: What is recorded.
        tracking: Where, and under which names.
    """

    def __init__(self, run: TrackedRun, tracking: Tracking) -> None:
        prepare_mlflow()
        self._run = run
        self._tracking = tracking
        self._uri = find_uri(tracking.uri)
        self._history: list[Mapping[str, Any]] = []
        self._works = True
        self.call(lambda: None)
        self.callbacks = [_EpochCallback(self)]

    def call(self, record: Callable[[], Any]) -> None:
        """Record something, in the local database if the server does not answer."""
        if not self._works:
            return
        try:
            self._open()
            record()
        # MLflow raises what the libraries below it raise: of HTTP, of databases, of files.
        except Exception as error:
            # Without its traceback: that may quote a password, and run.log would keep it.
            local = find_uri(None, is_local=True)
            if self._uri == local:
                self._works = False
                logger.warning(
                    "! MLflow records no more of this run: %s", _shorten(error, self._uri)
                )
                return
            logger.warning(
                "! The tracking server %s does not answer: %s The run goes on, and is recorded in "
                "%s.", name_store(self._uri), _shorten(error, self._uri), name_store(local),
            )  # fmt: skip
            self._uri = local
            self.call(lambda: self._log_again(record))

    def _open(self) -> None:
        """Make this run the active one, and see that the store answers."""
        active = mlflow.active_run()
        if active is not None and mlflow.get_tracking_uri() == self._uri:
            mlflow.MlflowClient().get_run(active.info.run_id)
            return
        if active is not None:
            _end_quietly("FAILED")
        parent = self._tracking.parent_run
        name = self._run.directory.resolve()
        run_id = open_run(
            self._uri,
            self._tracking.experiment,
            read_run_id(self._run.directory, self._uri),
            f"{name.parent.name}/{name.name}",
            {"mlflow.parentRunId": parent} if parent else {},
        )
        write_run_id(self._run.directory, self._uri, run_id)
        self._log_parameters()

    def _log_parameters(self) -> None:
        flat = dict(flatten(dump_config(self._run.config)))
        flat["subject"] = self._run.environment["subject"]
        for first in range(0, len(flat), MAX_PARAMETERS):
            some = list(flat.items())[first : first + MAX_PARAMETERS]
            mlflow.log_params({key: hide_passwords(str(value))[:MAX_VALUE] for key, value in some})

    def _log_again(self, record: Callable[[], Any]) -> None:
        for epoch, logs in enumerate(self._history):
            mlflow.log_metrics(dict(logs), step=epoch)
        record()

    def log_epoch(self, record: Callable[[], Any], logs: Mapping[str, Any]) -> None:
        """Record an epoch by MLflow's callback."""
        self.call(record)
        self._history.append(logs)

    def finish(self, history: Sequence[Mapping[str, Any]], metrics: Mapping[str, Any]) -> None:
        """Record metrics, files and the model; see `Tracker.finish`."""
        self.call(lambda: self._log_results(history, metrics))

    def _log_results(
        self, history: Sequence[Mapping[str, Any]], metrics: Mapping[str, Any]
    ) -> None:
        for epoch, row in enumerate(history):
            known = self._history[epoch] if epoch < len(self._history) else {}
            numbers = {key: value for key, value in _list_numbers(row) if key not in known}
            mlflow.log_metrics(numbers, step=epoch)
        mlflow.log_metrics(dict(_list_numbers(dict(flatten(metrics)))))
        directory = self._run.directory
        for path in sorted(each for each in directory.rglob("*") if each.is_file()):
            below = path.relative_to(directory)
            if below.name not in NOT_LOGGED and below.parts[0] not in NOT_LOGGED:
                folder = below.parent.as_posix()
                mlflow.log_artifact(str(path), None if folder == "." else folder)
        model = self._run.classifier.model
        images = np.zeros((1, *model.input_shape[1:]), np.float32)
        mlflow.keras.log_model(
            model,
            name="model",
            signature=mlflow.models.infer_signature(images, model.predict(images, verbose=0)),
            # Otherwise MLflow loads the model in another process to see what it imports.
            pip_requirements=[f"{name}=={version(name)}" for name in PACKAGES],
            metadata={"class_names": list(self._run.classifier.class_names)},
        )

    def close(self, status: str) -> None:
        """End the record; see `Tracker.close`."""
        _end_quietly(status)


def _end_quietly(status: str) -> None:
    try:
        mlflow.end_run(status)
    except Exception as error:
        logger.debug("%s", type(error).__name__)


class _EpochCallback(keras.callbacks.Callback):
    """Calls MLflow's callback, which must not end a training, nor begin a second time.

    Args:
        tracker: Notices that the store does not answer.
    """

    def __init__(self, tracker: MlflowTracker) -> None:
        super().__init__()
        self._tracker = tracker
        self._callback = MlflowCallback()
        self._has_begun = False

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Record the optimizer: once, since parameters can't change in a second phase."""
        self._callback.set_model(self.model)
        if not self._has_begun:
            self._has_begun = True
            self._tracker.call(self._callback.on_train_begin)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Record the metrics."""
        values = dict(logs or {})
        self._tracker.log_epoch(lambda: self._callback.on_epoch_end(epoch, values), values)


def flatten(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the dotted key and the value of each entry of nested mappings."""
    for key, inner in value.items():
        name = prefix + "".join(c if c.isalnum() or c in "_-. /" else "_" for c in str(key))
        if isinstance(inner, Mapping) and inner:
            yield from flatten(inner, f"{name}.")
        else:
            yield name, inner


def _list_numbers(values: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for key, value in values.items():
        if isinstance(value, int | float) and math.isfinite(value) and key != "epoch":
            yield key, float(value)


def _shorten(error: Exception, uri: str) -> str:
    """Return the beginning of a message that may quote a server's answer, and a password."""
    first = str(error).partition("\n")[0] or repr(error)
    return f"{first.replace(uri, name_store(uri))[:200].rstrip('.')}."
