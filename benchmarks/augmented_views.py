"""Test accuracy against the number of augmented views.

    python -m benchmarks.augmented_views --mnist mnist.npz --weights vgg16_notop.weights.h5

A frozen VGG16 with the published top, after BatchNormalization where its weights are random, on
rotated images; the accuracy after the last epoch, for several seeds. Plain Keras and
`"fresh"` are measured too, where `--slow` asks for it: they run the backbone in every epoch.
"""

import argparse
import statistics
import tempfile
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from benchmarks.processes import (
    BASE,
    NO_AUGMENTATION,
    Training,
    name_data,
    name_weights,
    train_with_plain_keras,
    train_with_project,
)
from benchmarks.tables import RESULTS, report
from framework.evaluation.figures.style import BLUE, make_figure, save_figure, styled

TOP = (
    "model_configuration.model_top_config={"
    "flatten: {layer_type: Flatten}, "
    "normalization: {layer_type: BatchNormalization}, "
    "dense_1: {layer_type: Dense, initializing_parameters: {units: 1000, activation: relu}}, "
    "dense_2: {layer_type: Dense, initializing_parameters: {units: 10, activation: softmax}}}",
)


def set_views(views: int | str) -> tuple[str, ...]:
    """Return the override that chooses the number of views."""
    return (f"training_config.feature_cache.augmented_views={views}",)


def measure(options: argparse.Namespace, cache: Path) -> dict[str, list[Training]]:
    """Return the trainings of every variant, one for each seed; they share stored views."""
    base = (*BASE, *name_data(options.mnist, options.images, options.test_images))
    base = (*base, *(name_weights(options.weights) if options.weights else TOP))
    base = (*base, f"training_config.epochs={options.epochs}", *options.overrides)
    variants: dict[str, tuple[str, ...]] = {"no augmentation": NO_AUGMENTATION}
    variants |= {f"K = {views}": set_views(views) for views in options.views}
    trainings: dict[str, list[Training]] = {}
    for seed in range(options.seeds):
        seeded = (*base, f"training_config.seed={seed}")
        for title, overrides in variants.items():
            training = train_with_project([*seeded, *overrides], cache)
            trainings.setdefault(title, []).append(training)
        if options.slow:
            fresh = train_with_project([*seeded, *set_views("fresh")], cache)
            trainings.setdefault("fresh every epoch", []).append(fresh)
            trainings.setdefault("plain Keras", []).append(train_with_plain_keras(seeded))
    return trainings


def make_row(title: str, trainings: list[Training]) -> dict[str, Any]:
    """Return mean and range of the accuracies, in per cent."""
    accuracies = [100 * training.accuracy for training in trainings]
    return {
        "training": title,
        "mean test accuracy, %": round(statistics.mean(accuracies), 2),
        "lowest": round(min(accuracies), 2),
        "highest": round(max(accuracies), 2),
    }


@styled
def draw(rows: list[dict[str, Any]], subtitle: str) -> Figure:
    """Return mean accuracies with their ranges."""
    figure = make_figure(7.0, 3.4, "How many augmented views are enough", subtitle)
    axes = figure.subplots()
    means = [row["mean test accuracy, %"] for row in rows]
    below = [mean - row["lowest"] for mean, row in zip(means, rows, strict=True)]
    above = [row["highest"] - mean for mean, row in zip(means, rows, strict=True)]
    axes.errorbar(range(len(rows)), means, yerr=[below, above], fmt="o", color=BLUE, capsize=5)
    axes.set_xticks(range(len(rows)), [row["training"] for row in rows])
    axes.set_ylabel("test accuracy, %")
    axes.grid(axis="y")
    return figure


def main() -> None:
    """Read the options, measure, and report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mnist", type=Path, help="local mnist.npz; default: embedded digits")
    parser.add_argument("--images", type=int, default=1500, help="training and validation images")
    parser.add_argument("--test-images", type=int, default=2000)
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--views", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--weights", type=Path, help="local weights of VGG16; default: random")
    parser.add_argument("--set", action="append", default=[], dest="overrides", metavar="KEY=VALUE")
    parser.add_argument("--name", default="augmented_views", help="of the files of the table")
    parser.add_argument("--slow", action="store_true", help="also fresh views and plain Keras")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        trainings = measure(options, Path(folder))
    data = "digits" if options.mnist is None else "MNIST"
    subtitle = (
        f"{data}, {options.images:,} images, rotation by up to 10 degrees, {options.epochs} "
        f"epochs, mean and range of {options.seeds} seeds"
    )
    rows = [make_row(title, measured) for title, measured in trainings.items()]
    weights = "ImageNet weights" if options.weights else "random weights, BatchNormalization"
    notes = f"{subtitle}; frozen VGG16 with {weights}, published top. {' '.join(options.overrides)}"
    report(options.name, rows, notes)
    save_figure(draw(rows, subtitle), RESULTS / f"{options.name}.png")


if __name__ == "__main__":
    main()
