"""Records of a run for TensorBoard: its epochs, and its pictures."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from framework.tracking.tracker import TrackedRun, Tracker

LOGS = "logs"


class TensorBoardTracker(Tracker):
    """Writes event files to `logs/` in the run directory, by Keras's own callback.

    Args:
        run: What is recorded.
    """

    def __init__(self, run: TrackedRun) -> None:
        self._directory = run.directory
        self.callbacks = [keras.callbacks.TensorBoard(str(run.directory / LOGS), write_graph=False)]

    def finish(self, history: Sequence[Mapping[str, Any]], metrics: Mapping[str, Any]) -> None:
        """Record the metrics of the test images, and all figures; see `Tracker.finish`."""
        with tf.summary.create_file_writer(str(self._directory / LOGS / "results")).as_default():
            for name in ("loss", "accuracy"):
                tf.summary.scalar(f"test_{name}", metrics["test"][name], step=len(history))
            for path in sorted(self._directory.glob("*.png")):
                picture = tf.io.decode_png(path.read_bytes(), channels=3)
                tf.summary.image(path.stem, picture[tf.newaxis], step=len(history))
