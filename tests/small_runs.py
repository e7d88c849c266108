"""Whole runs on the smallest backbone, to be interrupted, and to be compared bit by bit."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
from program import PATIENCE, ROOT, read_json, read_rows

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
    """Starts the program on one run directory, each time in a process of its own."""

    def __init__(self, config, directory, prefix=(), **environment):
        self.config = config
        self.directory = directory
        self.seconds = 0.0
        self._prefix = [*prefix, str(ROOT / "run.py")]
        self._first = ["--config", str(config), "--output", str(directory)]
        # A store of its own, so that extraction is interrupted too.
        own = {"TRANSFER_FRAMEWORK_CACHE": f"{directory}-cache", **environment}
        self._environment = {**os.environ, **own}

    def start(self):
        begun = (self.directory / "config.json").exists()
        words = ["--resume", str(self.directory)] if begun else self._first
        return subprocess.Popen(
            [sys.executable, *self._prefix, *words],
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def await_work(self, process):
        """Waits until the process is at work on the directory: importing takes as long."""
        log = self.directory / "run.log"
        before = log.stat().st_size if log.exists() else 0
        while process.poll() is None and not (log.exists() and log.stat().st_size > before):
            time.sleep(0.01)

    def finish(self):
        """Lets the run come to its end, and measures how long it was at work."""
        process = self.start()
        self.await_work(process)
        started = time.monotonic()
        output, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, output
        assert "Traceback" not in output
        self.seconds = time.monotonic() - started

    def kill_after(self, seconds):
        """Kills the run, unless it is finished before; tells whether it was killed."""
        process = self.start()
        self.await_work(process)
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        output, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode in (0, -signal.SIGKILL), output
        return process.returncode != 0


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
