"""A training whose loss is no finite number has nothing more to learn."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import keras

from framework.errors import DivergedError

CAUSES = (
    "Likely causes: a learning rate that is too high (try a tenth of training_config.optimizer."
    "learning_rate, or its clipnorm), a last layer that does not suit training_config.loss, or "
    "float16, where training_config.precision asks for it."
)


class DivergenceGuard(keras.callbacks.Callback):
    """Ends a run at the end of the epoch in which its loss became infinite or no number.

    It goes before all other callbacks, so that none of them keeps the broken weights.
    """

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Checks the losses of the epoch.

        Raises:
            DivergedError: One of them is not finite.
        """
        for name in ("loss", "val_loss"):
            loss = float((logs or {}).get(name, 0.0))
            if not math.isfinite(loss):
                raise DivergedError(
                    f"The training has diverged: {name} is {loss} after epoch {epoch + 1}. {CAUSES}"
                )
