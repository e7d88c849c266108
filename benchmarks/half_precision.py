"""Test accuracy with a frozen part in bfloat16 against float32, layer by layer.

    python -m benchmarks.half_precision --mnist mnist.npz --weights vgg16_notop.weights.h5

A frozen VGG16 whose top reads one of several layers; the accuracy after the last epoch, for
several seeds, and how many answers of two trainings that differ in this alone are the same. A
`dense` top ends each training elsewhere, whatever the precision; `ridge` is solved in closed form,
so that the seed changes the images alone.
"""

import argparse
import csv
import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.processes import (
    BASE,
    NO_AUGMENTATION,
    measure_process,
    name_data,
    name_weights,
)
from benchmarks.tables import report

LAYERS = ("block3_pool", "block4_conv1", "block5_conv1", "block5_pool")
PRECISIONS = ("float32", "bfloat16")
HIDDEN = "dense_1: {layer_type: Dense, initializing_parameters: {units: 1000, activation: relu}}, "


def describe_top(kind: str, layer: str) -> list[str]:
    """Return the overrides for a top of `dense` or `ridge` on a layer."""
    top = (
        f"model_configuration.model_top_config={{flatten: {{layer_type: Flatten, "
        f"input_layer: {layer}}}, {HIDDEN if kind == 'dense' else ''}"
        "dense_2: {layer_type: Dense, initializing_parameters: {units: 10, activation: softmax}}}"
    )
    return [top] if kind == "dense" else [top, "training_config.solver={name: ridge}"]


def train(overrides: list[str], folder: Path, name: str) -> tuple[float, list[str]]:
    """Return test accuracy, in per cent, and the predicted class of each test image."""
    output = folder / name
    command = ["run.py", "--config", "configs/vgg16.json", "--output", str(output)]
    measure_process(command, overrides, folder / "cache")
    accuracy = json.loads((output / "metrics.json").read_text())["test"]["accuracy"]
    with (output / "predictions_test.csv").open() as stream:
        return 100 * accuracy, [row["predicted"] for row in csv.DictReader(stream)]


def measure_layer(layer: str, options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Return the row of a layer."""
    accuracies: dict[str, list[float]] = {precision: [] for precision in PRECISIONS}
    same = []
    for seed in range(options.seeds):
        answers = []
        for precision in PRECISIONS:
            overrides = [
                *BASE,
                *NO_AUGMENTATION,
                *name_data(options.mnist, options.images, options.test_images),
                *name_weights(options.weights),
                *describe_top(options.top, layer),
                f"training_config.epochs={options.epochs}",
                f"training_config.seed={seed}",
                f"training_config.feature_cache.precision={precision}",
            ]
            accuracy, predicted = train(overrides, folder, f"{layer}_{seed}_{precision}")
            accuracies[precision].append(accuracy)
            answers.append(predicted)
        same.append(statistics.mean(a == b for a, b in zip(*answers, strict=True)))
    row: dict[str, Any] = {"layer": layer}
    for precision, measured in accuracies.items():
        low, high = min(measured), max(measured)
        row[f"{precision}, %"] = f"{statistics.mean(measured):.2f} ({low:.2f} to {high:.2f})"
    return row | {"same answers, %": f"{100 * statistics.mean(same):.2f}"}


def main() -> None:
    """Read the options, measure, and report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mnist", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--images", type=int, default=6000, help="training and validation images")
    parser.add_argument("--test-images", type=int, default=10000)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--layers", nargs="+", default=LAYERS)
    parser.add_argument("--top", choices=("dense", "ridge"), default="dense")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = [measure_layer(layer, options, Path(folder)) for layer in options.layers]
    trained = f", {options.epochs} epochs" if options.top == "dense" else ""
    notes = (
        f"MNIST, {options.images:,} + {options.test_images:,} images, {options.top} top{trained}, "
        f"frozen VGG16 with ImageNet weights; mean and range of {options.seeds} seeds."
    )
    name = "half_precision" if options.top == "dense" else "half_precision_ridge"
    report(name, rows, notes)


if __name__ == "__main__":
    main()
