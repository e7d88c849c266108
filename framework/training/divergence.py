"""Detection of a loss that is NaN or infinite, which ends the training."""

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
    """The end of a training whose loss was NaN or infinite.

    Args:
        epoch: Counted from 1.
        what: The loss, its value and when, such as `"loss is nan by batch 7 of 40"`.
        weights: The weights that were restored, such as `"those after epoch 2"`.
    """

    epoch: int
    what: str
    weights: str

    def describe(self) -> dict[str, Any]:
        """Return the entry `diverged` of `metrics.json`."""
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
    """Ends a training as soon as its loss is NaN or infinite.

    The weights are reset to those at the beginning of the epoch. It goes before all other
    callbacks, so that none of them saves the broken ones. Only the history gets the epoch.

    Args:
        recorder: Records the history.
        beginning: Describes the weights before the first epoch.
        batches: Training batches in an epoch.
        batches_per_block: Batches that Keras counts as one.

    Attributes:
        divergence: What was found; `None` if the training has not diverged.
    """

    def __init__(
        self, recorder: HistoryRecorder, beginning: str, batches: int, batches_per_block: int = 1
    ) -> None:
        super().__init__()
        self.divergence: Divergence | None = None
        self._recorder = recorder
        self._epoch = 0
        self._finite_weights: list[np.ndarray] = []
        self._description = beginning
        self._batches = batches
        self._batches_per_block = batches_per_block

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Keep the weights, which are finite until now."""
        self._epoch = epoch
        self._finite_weights = self.model.get_weights()

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Check the mean loss of the epoch so far."""
        # With several steps at once Keras may count past the last batch.
        done = min((batch + 1) * self._batches_per_block, self._batches)
        self._check(logs or {}, f"by batch {done} of {self._batches}")

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Check the losses of the epoch."""
        self._check(logs or {}, "after its last batch")
        self._description = f"those after epoch {epoch + 1}"

    def _check(self, logs: Mapping[str, Any], when: str) -> None:
        for name in ("loss", "val_loss"):
            loss = float(logs.get(name, 0.0))
            if math.isfinite(loss):
                continue
            self.model.set_weights(self._finite_weights)
            self._recorder.on_epoch_end(self._epoch, logs)
            what = f"{name} is {loss} {when}"
            self.divergence = Divergence(self._epoch + 1, what, self._description)
            logger.warning("! %s", self.divergence)
            raise DivergedError(str(self.divergence))
