"""What reporting costs beyond the predictions: metrics, all figures, and the page.

python -m benchmarks.report_cost --images 10000
"""

import argparse
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.tables import report
from framework.config.model import (
    Config,
    DataConfig,
    ModelConfiguration,
    TopLayer,
    TrainingConfig,
    Weights,
)
from framework.evaluation.metrics.classification_metrics import compute_metrics
from framework.evaluation.metrics.predictions import Predictions
from framework.evaluation.report.report_inputs import SPLITS, ReportInputs
from framework.evaluation.report.write_report import write_report

SIDE = 32
# Shares of MNIST's test set: for every test image 5.4 training and 0.6 validation images.
SHARES = {"training": 5.4, "validation": 0.6, "test": 1.0}


@dataclass(frozen=True)
class NoiseImages:
    """Images of noise, which compress worse than any photograph."""

    labels: np.ndarray
    indices: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def read(self, positions: np.ndarray, view: int = 0) -> np.ndarray:
        """Draw the images anew at each call."""
        shape = (len(positions), SIDE, SIDE, 3)
        return np.random.default_rng(view).uniform(0, 255, shape).astype(np.float32)


def make_report_inputs(test_images: int, classes: int) -> ReportInputs:
    """Made-up results over noise; about nine of ten predictions are right."""
    rng = np.random.default_rng(0)
    predictions, images = {}, {}
    for split, share in SHARES.items():
        count = round(test_images * share)
        labels = rng.integers(0, classes, count)
        logits = rng.normal(0, 1, (count, classes))
        logits[np.arange(count), labels] += rng.normal(4.5, 2, count)
        odds = np.exp(logits)
        probabilities = (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)
        predictions[split] = Predictions(np.arange(count), labels, probabilities, 0.3)
        images[split] = NoiseImages(labels, np.arange(count))
    top = {"answer": TopLayer("Dense", {"units": classes}, "backbone")}
    return ReportInputs(
        config=Config(
            TrainingConfig(),
            DataConfig(data_augmentation={"rotation_range": 10}),
            ModelConfiguration("VGG16", top, Weights(None)),
        ),
        subject="made-up predictions on noise",
        class_names=[f"class number {place}" for place in range(classes)],
        predictions=predictions,
        images=images,
        history=[
            {"epoch": n, "loss": 1 / n, "accuracy": 1 - 1 / n, "val_loss": 1 / n,
             "val_accuracy": 1 - 1 / n}
            for n in range(1, 26)
        ],
    )  # fmt: skip


def measure(test_images: int, classes: int) -> dict[str, Any]:
    """Return seconds of scoring and of the report, alone in this process."""
    inputs = make_report_inputs(test_images, classes)
    started = time.perf_counter()
    scores = {
        split: compute_metrics(inputs.predictions[split], inputs.class_names) for split in SPLITS
    }
    scored = time.perf_counter()
    parameters = {"total": 0, "trainable": 0, "non_trainable": 0}
    whole = replace(inputs, metrics={**scores, "parameters": parameters, "timing": {}})
    with tempfile.TemporaryDirectory() as folder:
        *_, page = write_report(Path(folder), whole)
        size = page.stat().st_size
    return {
        "classes": classes,
        "test images": test_images,
        "all images": sum(map(len, inputs.predictions.values())),
        "scores, s": scored - started,
        "report, s": time.perf_counter() - scored,
        "page, MB": size / 1e6,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=10_000, help="test images")
    options = parser.parse_args()
    rows = [measure(options.images, classes) for classes in (10, 100)]
    report("report_cost", rows, "Random predictions and images of noise, 32x32 RGB.")


if __name__ == "__main__":
    main()
