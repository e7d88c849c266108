"""Whole runs on the smallest backbone, to be interrupted, and to be compared bit by bit."""

import signal
import time
from contextlib import suppress

import numpy as np

from tests.helpers.program import TIMEOUT_SECONDS, read_json, read_rows

# Everything that has a memory, on a few layers of the smallest backbone there is.
CONFIG = """
training_config:
  epochs: 4
  batch_size: 16
  call_backs_conf:
    EarlyStopping: {patience: 3, restore_best_weights: true}
    ReduceLROnPlateau: {patience: 1, factor: 0.5, min_delta: 0.1}
    CSVLogger: {filename: log.csv}
  feature_cache: {augmented_views: 2}
  fine_tuning: {unfreeze_from: conv_pw_2, epochs: 2, learning_rate: 1e-4}
data_config:
  dataset: digits
  limit: {train: 120, test: 40}
  data_augmentation: {rotation_range: 10}
model_configuration:
  model_name: MobileNet
  model_arguments: {alpha: 0.25}
  weights: null
  model_top_config:
    flat: {layer_type: Flatten, input_layer: conv_pw_2_relu}
    normal: {layer_type: BatchNormalization}
    sometimes: {layer_type: Dropout, initializing_parameters: {rate: 0.3}}
    digit: {layer_type: Dense, initializing_parameters: {units: 10, activation: softmax}}
"""


class Runner:
    """Starts the program on one run directory, each time in a process of its own.

    Args:
        forker: What starts it.
        config: Path of the config.
        directory: The run directory.
        environment: Variables of the processes.
    """

    def __init__(self, forker, config, directory, **environment):
        self.config = config
        self.directory = directory
        self.seconds = 0.0
        self._forker = forker
        # A store of its own, so that extraction is interrupted too.
        self.environment = {"TRANSFER_FRAMEWORK_CACHE": f"{directory}-cache", **environment}

    @property
    def command(self):
        """The arguments that begin the run, or resume it."""
        if (self.directory / "config.json").exists():
            return ["--resume", str(self.directory)]
        return ["--config", str(self.config), "--output", str(self.directory)]

    def start(self, hold=None):
        """Starts the program; `hold` is a number of epochs, see `forked.Forker.start`."""
        hold = hold and (self.directory / "history.csv", hold)
        return self._forker.start(*self.command, hold=hold, **self.environment)

    def interrupt(self, epochs, how):
        """Ends the run with a signal when it has had some epochs."""
        process = self.start(hold=epochs)
        history = self.directory / "history.csv"
        while process.is_alive() and not (history.exists() and len(read_rows(history)) == epochs):
            time.sleep(0.01)
        process.send_signal(how)
        process.wait(TIMEOUT_SECONDS)
        return process

    def finish(self):
        """Lets the run come to its end, and measures how long it was at work."""
        process = self.start()
        self._await_work(process)
        started = time.monotonic()
        assert process.wait(TIMEOUT_SECONDS) == 0, process.output
        assert "Traceback" not in process.output
        self.seconds = time.monotonic() - started
        return process

    def kill_after(self, seconds):
        """Kills the run, unless it is finished before; tells whether it was killed."""
        process = self.start()
        self._await_work(process)
        time.sleep(seconds)
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGKILL)
        assert process.wait(TIMEOUT_SECONDS) in (0, -signal.SIGKILL), process.output
        return process.returncode != 0

    def _await_work(self, process):
        """Wait until the process has started to work on the directory."""
        log = self.directory / "run.log"
        before = log.stat().st_size if log.exists() else 0
        while process.is_alive() and not (log.exists() and log.stat().st_size > before):
            time.sleep(0.01)


def assert_same_run(first, second):
    rows = [
        [{k: v for k, v in row.items() if k != "seconds"} for row in read_rows(run / "history.csv")]
        for run in (first, second)
    ]
    assert rows[0] == rows[1]
    metrics = [read_json(run / "metrics.json") for run in (first, second)]
    for values in metrics:
        del values["timing"]
    assert metrics[0] == metrics[1]
    weights = [load_weights(run / "model.keras") for run in (first, second)]
    assert all(np.array_equal(a, b) for a, b in zip(*weights, strict=True))


def load_weights(path):
    import keras

    return keras.models.load_model(path).get_weights()
