"""A training whose loss is no finite number has nothing more to learn."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from framework.errors import DivergedError
from framework.training.callbacks import HistoryRecorder

logger = logging.getLogger(__name__)

CAUSES = (
    "a learning rate that is too high (try a tenth of training_config.optimizer.learning_rate, "
    "or its clipnorm)",
    "a last layer that does not suit training_config.loss",
    "float16, where training_config.precision asks for it",
)


@dataclass(frozen=True)
class Divergence:
    """Where a training ended, because its loss was no finite number any more.

    Args:
        epoch: Counted from 1.
        what: Which loss was what, and when in the epoch, such as `"loss is nan by batch 7 of 40"`.
        weights: Which weights were brought back, such as `"those after epoch 2"`.
    """

    epoch: int
    what: str
    weights: str

    def describe(self) -> dict[str, Any]:
        """Return what `metrics.json` holds under `diverged`."""
        return {
            "epoch": self.epoch,
            "what": self.what,
            "weights": self.weights,
            "likely_causes": list(CAUSES),
        }

    def __str__(self) -> str:
        return (
            f"The training has diverged in epoch {self.epoch}: {self.what}. "
            f"Likely causes: {'; '.join(CAUSES)}."
        )


class DivergenceGuard(keras.callbacks.Callback):
    """Ends a training as soon as its loss is infinite or no number.

    The weights are then those that the epoch began with. It goes before all other
    callbacks, so that none of them keeps the broken ones; the history alone is told.

    Args:
        recorder: Keeps the history.
        beginning: Which weights the first epoch begins with, for people.
        batches: Training batches in an epoch.
        batches_per_block: Batches that Keras counts as one.

    Attributes:
        divergence: What was found; `None` where all is well.
    """

    def __init__(
        self, recorder: HistoryRecorder, beginning: str, batches: int, batches_per_block: int = 1
    ) -> None:
        super().__init__()
        self.divergence: Divergence | None = None
        self._recorder = recorder
        self._epoch = 0
        self._sound: list[np.ndarray] = []
        self._whose = beginning
        self._batches = batches
        self._batches_per_block = batches_per_block

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Keep the weights, which were sound until now."""
        self._epoch = epoch
        self._sound = self.model.get_weights()

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Check the mean loss of the epoch so far."""
        # With several steps at once Keras may count past the last batch.
        done = min((batch + 1) * self._batches_per_block, self._batches)
        self._check(logs or {}, f"by batch {done} of {self._batches}")

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Check the losses of the epoch."""
        self._check(logs or {}, "after its last batch")
        self._whose = f"those after epoch {epoch + 1}"

    def _check(self, logs: Mapping[str, Any], when: str) -> None:
        for name in ("loss", "val_loss"):
            loss = float(logs.get(name, 0.0))
            if math.isfinite(loss):
                continue
            self.model.set_weights(self._sound)
            self._recorder.on_epoch_end(self._epoch, logs)
            what = f"{name} is {loss} {when}"
            self.divergence = Divergence(self._epoch + 1, what, self._whose)
            logger.warning("! %s", self.divergence)
            raise DivergedError(str(self.divergence))
