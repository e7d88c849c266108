"""The progress of a training on the console."""

import logging
from collections.abc import Mapping
from typing import Any

import keras
from tqdm import tqdm

logger = logging.getLogger(__name__)


class ProgressReporter(keras.callbacks.Callback):
    """Shows a bar over the whole training, and logs a line for each epoch.

    Args:
        images: Training images in an epoch.
        first_epoch: Number of epochs before.
        last_epoch: The number of the last epoch planned, counted from 1.
        batch_size: Images in what Keras counts as a batch.
    """

    def __init__(self, images: int, first_epoch: int, last_epoch: int, batch_size: int) -> None:
        super().__init__()
        self._images = images
        self._first_epoch = first_epoch
        self._last_epoch = last_epoch
        self._batch_size = batch_size
        self._bar: tqdm[Any] | None = None
        self._reported = 0

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Show the bar."""
        total = self._images * (self._last_epoch - self._first_epoch)
        self._bar = tqdm(total=total, desc="training", unit=" images", leave=False)

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Reset the image counter."""
        self._reported = 0

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Advance the bar; with several steps an execution `batch` jumps."""
        self._advance(min((batch + 1) * self._batch_size, self._images))

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Log the metrics of the epoch."""
        self._advance(self._images)
        metrics = "  ".join(f"{name} {value:.4g}" for name, value in (logs or {}).items())
        width = len(str(self._last_epoch))
        logger.info("epoch %*d/%d  %s", width, epoch + 1, self._last_epoch, metrics)

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """Close the bar."""
        if self._bar is not None:
            self._bar.close()

    def _advance(self, images: int) -> None:
        if self._bar is not None:
            self._bar.update(images - self._reported)
        self._reported = images
