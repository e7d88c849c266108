"""Where a training stood after its last whole epoch, so that it can go on bit for bit."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from framework.errors import RunError
from framework.utils.files import DAMAGED_ARCHIVE, write_atomically

logger = logging.getLogger(__name__)

# Keras resets a callback's memory when training begins; these kinds of value are that memory.
SCALARS = (bool, int, float, str, type(None))


@dataclass(frozen=True)
class CallbackState:
    """What a callback remembers of the epochs so far.

    Args:
        scalars: Attributes that are numbers, texts, truth values or `None`.
        operations: Attributes that are functions of `keras.ops`, by name: the comparison
            that a callback chose, which tells that it has settled on its sign of
            `min_delta` too.
        arrays: Attributes that are lists of arrays, such as the best weights.
    """

    scalars: dict[str, Any]
    operations: dict[str, str]
    arrays: dict[str, list[np.ndarray]]


@dataclass(frozen=True)
class Checkpoint:
    """The state of a training between two epochs.

    Args:
        phase: The phase of training, such as `"top"`.
        first_epoch: How many epochs were done when the phase began.
        stopped: Whether a callback has ended the phase.
        rows: The history so far, one row for each epoch done.
        variables: Values of the model's variables, in order.
        optimizer: Values of the optimizer's variables, in order.
        callbacks: The memory of each callback.
    """

    phase: str
    first_epoch: int
    stopped: bool
    rows: list[dict[str, Any]]
    variables: list[np.ndarray]
    optimizer: list[np.ndarray]
    callbacks: list[CallbackState]


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Publish a checkpoint; the one before stays whole until then.

    Raises:
        RunError: The file cannot be written.
    """
    arrays: dict[str, np.ndarray] = {}

    def keep(prefix: str, values: Sequence[np.ndarray]) -> int:
        arrays.update({f"{prefix}/{place}": value for place, value in enumerate(values)})
        return len(values)

    header = {
        "phase": checkpoint.phase,
        "first_epoch": checkpoint.first_epoch,
        "stopped": checkpoint.stopped,
        "rows": checkpoint.rows,
        "variables": keep("variables", checkpoint.variables),
        "optimizer": keep("optimizer", checkpoint.optimizer),
        "callbacks": [
            {
                "scalars": memory.scalars,
                "operations": memory.operations,
                "arrays": {
                    name: keep(f"callback/{place}/{name}", values)
                    for name, values in memory.arrays.items()
                },
            }
            for place, memory in enumerate(checkpoint.callbacks)
        ],
    }
    arrays["header"] = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
    with write_atomically(path) as temporary, temporary.open("wb") as stream:
        np.savez(stream, allow_pickle=False, **arrays)


def load_checkpoint(path: Path) -> Checkpoint | None:
    """Read a checkpoint; every array is checked against the archive's checksums.

    Returns:
        The checkpoint; `None` where there is none, or it is damaged, which is said.
    """
    if not path.is_file():
        return None
    try:
        # Opened here, since NumPy leaves a damaged archive open.
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            header = json.loads(archive["header"].tobytes())

            def recall(prefix: str, count: int) -> list[np.ndarray]:
                return [archive[f"{prefix}/{place}"] for place in range(count)]

            return Checkpoint(
                phase=header["phase"],
                first_epoch=header["first_epoch"],
                stopped=header["stopped"],
                rows=header["rows"],
                variables=recall("variables", header["variables"]),
                optimizer=recall("optimizer", header["optimizer"]),
                callbacks=[
                    CallbackState(
                        memory["scalars"],
                        memory["operations"],
                        {
                            name: recall(f"callback/{place}/{name}", count)
                            for name, count in memory["arrays"].items()
                        },
                    )
                    for place, memory in enumerate(header["callbacks"])
                ],
            )
    except DAMAGED_ARCHIVE as error:
        logger.warning("! %s is damaged (%s): the training starts anew.", path, error)
        return None


def restore(
    checkpoint: Checkpoint, model: keras.Model, callbacks: Sequence[keras.callbacks.Callback]
) -> None:
    """Bring a compiled model and its callbacks back to where a training stood.

    Raises:
        RunError: The checkpoint is of another model.
    """
    model.optimizer.build(model.trainable_variables)
    saved = (*checkpoint.variables, *checkpoint.optimizer)
    variables = (*_list_variables(model), *model.optimizer.variables)
    if [tuple(variable.shape) for variable in variables] != [value.shape for value in saved]:
        raise RunError("The checkpoint belongs to another model. Start the run anew.")
    for variable, value in zip(variables, saved, strict=True):
        variable.assign(value)
    for callback, memory in zip(callbacks, checkpoint.callbacks, strict=True):
        operations = {name: getattr(keras.ops, op) for name, op in memory.operations.items()}
        vars(callback).update({**memory.scalars, **operations, **memory.arrays})


def _list_variables(model: keras.Model) -> list[keras.Variable]:
    """Return weights and random states, but not the metrics, which begin each epoch anew."""
    passing = {id(variable) for variable in model.metrics_variables}
    return [variable for variable in model.variables if id(variable) not in passing]


def _read_memory(callback: keras.callbacks.Callback) -> CallbackState:
    memory = CallbackState({}, {}, {})
    if isinstance(callback, keras.callbacks.CSVLogger):
        return memory  # It remembers in its file, which `continue_logs` goes on with.
    for name, value in vars(callback).items():
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, SCALARS):
            memory.scalars[name] = value
        elif isinstance(value, list) and value and all(isinstance(v, np.ndarray) for v in value):
            memory.arrays[name] = value
        elif (operation := getattr(value, "__name__", "")) and (
            getattr(keras.ops, operation, None) is value
        ):
            memory.operations[name] = operation
    return memory


class CheckpointKeeper(keras.callbacks.Callback):
    """Saves a checkpoint after every epoch, and restores one when training begins.

    It must be the last of the callbacks: only then have the others reset themselves,
    and only then have they all seen the epoch that ends.

    Args:
        path: The file.
        phase: The phase of training.
        first_epoch: How many epochs were done when the phase began.
        others: The callbacks whose memory is kept.
        rows: The history, filled by one of the callbacks before.
        start: Where to go on from; `None` for the beginning of the phase.
    """

    def __init__(
        self,
        path: Path,
        phase: str,
        first_epoch: int,
        others: Sequence[keras.callbacks.Callback],
        rows: list[dict[str, Any]],
        start: Checkpoint | None,
    ) -> None:
        super().__init__()
        self._path = path
        self._phase = phase
        self._first_epoch = first_epoch
        self._others = others
        self._rows = rows
        self._start = start

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Restore the checkpoint to resume from, if any."""
        if self._start is not None:
            restore(self._start, self.model, self._others)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Save the epoch's checkpoint."""
        checkpoint = Checkpoint(
            phase=self._phase,
            first_epoch=self._first_epoch,
            stopped=self.model.stop_training,
            rows=self._rows,
            variables=[np.asarray(variable) for variable in _list_variables(self.model)],
            optimizer=[np.asarray(variable) for variable in self.model.optimizer.variables],
            callbacks=[_read_memory(callback) for callback in self._others],
        )
        save_checkpoint(self._path, checkpoint)
