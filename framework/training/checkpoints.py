"""Checkpoints: the state of a training after an epoch, to continue from it bit for bit."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

from framework.errors import RunError
from framework.utils.files import DAMAGED_ARCHIVE, write_atomically

logger = logging.getLogger(__name__)

# Attributes of these types are the state of a callback, which Keras resets when training begins.
SCALARS = (bool, int, float, str, type(None))


@dataclass(frozen=True)
class CallbackState:
    """The attributes of a callback that depend on the epochs so far.

    Args:
        scalars: Numbers, texts, booleans or `None`.
        operations: Functions of `keras.ops`, by name: the comparison that a callback has
            chosen, and with it the sign of its `min_delta`.
        arrays: Lists of arrays, such as the best weights.
    """

    scalars: dict[str, Any] = field(default_factory=dict)
    operations: dict[str, str] = field(default_factory=dict)
    arrays: dict[str, list[np.ndarray]] = field(default_factory=dict)


@dataclass(frozen=True)
class Checkpoint:
    """The state of a training between two epochs.

    Args:
        phase: The phase of training, such as `"top"`.
        first_epoch: Number of epochs before the phase.
        stopped: Whether a callback has ended the phase.
        rows: The history so far, one row an epoch.
        variables: Values of the model's variables, in order.
        optimizer: Values of the optimizer's variables, in order.
        callbacks: The state of each callback.
    """

    phase: str
    first_epoch: int
    stopped: bool
    rows: list[dict[str, Any]]
    variables: list[np.ndarray]
    optimizer: list[np.ndarray]
    callbacks: list[CallbackState]


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint; the previous one stays whole until then.

    Raises:
        RunError: The file cannot be written.
    """
    arrays: dict[str, np.ndarray] = {}

    def add(prefix: str, values: Sequence[np.ndarray]) -> int:
        arrays.update({f"{prefix}/{i}": value for i, value in enumerate(values)})
        return len(values)

    header = {
        **vars(checkpoint),
        "variables": add("variables", checkpoint.variables),
        "optimizer": add("optimizer", checkpoint.optimizer),
        "callbacks": [
            vars(state)
            | {"arrays": {k: add(f"callback/{i}/{k}", v) for k, v in state.arrays.items()}}
            for i, state in enumerate(checkpoint.callbacks)
        ],
    }
    arrays["header"] = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
    with write_atomically(path) as temporary, temporary.open("wb") as stream:
        np.savez(stream, allow_pickle=False, **arrays)


def load_checkpoint(path: Path) -> Checkpoint | None:
    """Read a checkpoint; every array is checked against the archive's checksums.

    Returns:
        The checkpoint; `None` if it is missing, or damaged, which is logged.
    """
    if not path.is_file():
        return None
    try:
        # Opened here, since NumPy leaves a damaged archive open.
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            header = json.loads(archive["header"].tobytes())

            def load(prefix: str, count: int) -> list[np.ndarray]:
                return [archive[f"{prefix}/{i}"] for i in range(count)]

            header["variables"] = load("variables", header["variables"])
            header["optimizer"] = load("optimizer", header["optimizer"])
            for i, state in enumerate(header["callbacks"]):
                counts = state["arrays"].items()
                state["arrays"] = {k: load(f"callback/{i}/{k}", count) for k, count in counts}
            header["callbacks"] = [CallbackState(**state) for state in header["callbacks"]]
            return Checkpoint(**header)
    except (TypeError, *DAMAGED_ARCHIVE) as error:
        logger.warning("! %s is damaged (%s): the training starts from the beginning.", path, error)
        return None


def restore(
    checkpoint: Checkpoint, model: keras.Model, callbacks: Sequence[keras.callbacks.Callback]
) -> None:
    """Restore the state of a compiled model and of its callbacks.

    Raises:
        RunError: The checkpoint is of another model.
    """
    model.optimizer.build(model.trainable_variables)
    saved = (*checkpoint.variables, *checkpoint.optimizer)
    variables = (*_list_variables(model), *model.optimizer.variables)
    if [tuple(variable.shape) for variable in variables] != [value.shape for value in saved]:
        raise RunError("The checkpoint belongs to another model. Start a new run.")
    for variable, value in zip(variables, saved, strict=True):
        variable.assign(value)
    for callback, state in zip(callbacks, checkpoint.callbacks, strict=True):
        operations = {name: getattr(keras.ops, op) for name, op in state.operations.items()}
        vars(callback).update({**state.scalars, **operations, **state.arrays})


def _list_variables(model: keras.Model) -> list[keras.Variable]:
    """Return weights and random states, but not metrics, which every epoch resets."""
    metrics = {id(variable) for variable in model.metrics_variables}
    return [variable for variable in model.variables if id(variable) not in metrics]


def _read_state(callback: keras.callbacks.Callback) -> CallbackState:
    state = CallbackState()
    if isinstance(callback, keras.callbacks.CSVLogger):
        return state  # Its state is its file; see `continue_logs`.
    for name, value in vars(callback).items():
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, SCALARS):
            state.scalars[name] = value
        elif isinstance(value, list) and value and all(isinstance(v, np.ndarray) for v in value):
            state.arrays[name] = value
        elif (operation := getattr(value, "__name__", "")) and (
            getattr(keras.ops, operation, None) is value
        ):
            state.operations[name] = operation
    return state


class CheckpointCallback(keras.callbacks.Callback):
    """Saves a checkpoint after every epoch, and restores one when training begins.

    It must be the last of the callbacks: the others reset themselves when training begins,
    and must have seen the epoch that ends.

    Args:
        path: The file.
        phase: As `Checkpoint` has it.
        first_epoch: As `Checkpoint` has it.
        others: The callbacks whose state is saved.
        rows: The history, filled by one of the callbacks before.
        start: The checkpoint to resume from; `None` at the beginning of the phase.
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
            callbacks=[_read_state(callback) for callback in self._others],
        )
        save_checkpoint(self._path, checkpoint)
