"""Runs of the framework and of plain Keras, each in a process of its own, measured."""

import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
CONFIG = ROOT / "configs" / "vgg16.json"

# The published config, but nothing stops it early and nothing is downloaded.
BASE = (
    "training_config.call_backs_conf={}",
    "model_configuration.weights=null",
)
NO_AUGMENTATION = ("data_config.data_augmentation={}",)
OTHER_TOP = ("model_configuration.model_top_config.dense_1.initializing_parameters.units=500",)


@dataclass(frozen=True)
class Training:
    """One training, measured.

    Args:
        features: Seconds before the first epoch: features computed or read.
        epochs: Seconds of each epoch, validation included.
        process: Seconds of the whole process, with imports, evaluation and report.
        peak_memory: Most bytes of memory that the process had at a time.
        accuracy: Share of the test images classified rightly, after the last epoch.
    """

    features: float
    epochs: tuple[float, ...]
    process: float
    peak_memory: int
    accuracy: float

    def estimate_seconds(self, epochs: int) -> float:
        """Return features and `epochs` epochs; those not run count as the median of the later ones.

        The first epoch, which traces and compiles, counts as it is.
        """
        if epochs <= len(self.epochs):
            return self.features + sum(self.epochs[:epochs])
        typical = statistics.median(self.epochs[1:] or self.epochs)
        return self.features + sum(self.epochs) + (epochs - len(self.epochs)) * typical

    def estimate_process(self, epochs: int) -> float:
        """Return seconds of the whole process, had it trained for `epochs` epochs."""
        measured = self.estimate_seconds(len(self.epochs))
        return self.process - measured + self.estimate_seconds(epochs)


def name_data(mnist: Path | None, images: int, test_images: int) -> tuple[str, ...]:
    """Return overrides that take `images` of a local copy of MNIST, or of the embedded digits."""
    limit = f"data_config.limit={{train: {images}, test: {test_images}}}"
    if mnist is None:
        return ("data_config.dataset=digits", limit)
    return (f"data_config.dataset={{name: mnist, path: {mnist.resolve()}}}", limit)


def name_weights(weights: Path | None) -> tuple[str, ...]:
    """Return overrides that load a local weights file, if there is one."""
    return () if weights is None else (f"model_configuration.weights={weights.resolve()}",)


def train_with_project(overrides: Sequence[str], cache: Path) -> Training:
    """Run `run.py` with a feature store in `cache`."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "run"
        command = ["run.py", "--config", str(CONFIG), "--output", str(output)]
        cost = measure_process(command, overrides, cache)
        metrics = json.loads((output / "metrics.json").read_text())
        with (output / "history.csv").open() as stream:
            epochs = tuple(float(row["seconds"]) for row in csv.DictReader(stream))
    return Training(
        features=metrics["timing"]["features"],
        epochs=epochs,
        **cost,
        accuracy=metrics["test"]["accuracy"],
    )


def train_with_plain_keras(overrides: Sequence[str]) -> Training:
    """Run `benchmarks/plain_keras.py` on the same images, with the same top."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "result.json"
        command = ["-m", "benchmarks.plain_keras", "--config", str(CONFIG), "--output", str(output)]
        cost = measure_process(command, overrides, Path(folder))
        result = json.loads(output.read_text())
    return Training(
        features=0.0,
        epochs=tuple(result["epochs"]),
        **cost,
        accuracy=result["accuracy"],
    )


def measure_process(
    command: Sequence[str], overrides: Sequence[str], cache: Path
) -> dict[str, Any]:
    """Return the cost of a Python process that succeeds: `process` seconds, `peak_memory` bytes."""
    options = [option for override in overrides for option in ("--set", override)]
    environment = os.environ | {
        "TRANSFER_FRAMEWORK_CACHE": str(cache),
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            [sys.executable, *command, *options],
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env=environment,
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            log.seek(0)
            raise RuntimeError(f"{' '.join(command)} failed:\n{log.read()[-4000:]}")
    # Linux counts in units of 1024 bytes, macOS in bytes: see getrusage(2).
    unit = 1 if sys.platform == "darwin" else 1024
    return {
        "process": time.perf_counter() - start,
        "peak_memory": usage.ru_maxrss * unit,
    }
