"""What a probe finds, whether trained tops agree, and what it costs.

    python -m benchmarks.probe table --mnist mnist.npz --weights vgg16_notop.weights.h5
    python -m benchmarks.probe ranks --mnist mnist.npz --weights vgg16_notop.weights.h5
    python -m benchmarks.probe ranks --folder cifar10 --weights vgg16_notop.weights.h5
    python -m benchmarks.probe cost --mnist mnist.npz --weights vgg16_notop.weights.h5

`table`: test accuracy of ridge regression on flattened layers of VGG16, with the given weights
and with random ones. `ranks`: Spearman's correlation of a probe's accuracies with those of a
softmax layer that is trained on each layer by gradient descent, its inputs normalized. `cost`: a
probe of all layers against one pass of the backbone over the same images.
"""

import argparse
import csv
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from benchmarks.processes import CONFIG, measure_process, train_with_project
from benchmarks.tables import report

LAYERS = (
    "block1_pool",
    "block2_pool",
    "block3_conv3",
    "block3_pool",
    "block4_conv1",
    "block4_conv3",
    "block4_pool",
    "block5_pool",
)
EPOCHS = 15


def main() -> None:
    """Measure what is asked for, and write it to `results/benchmarks/`."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["table", "ranks", "cost"])
    data = parser.add_mutually_exclusive_group(required=True)
    data.add_argument("--mnist", type=Path, help="a local copy of MNIST, mnist.npz")
    data.add_argument("--folder", type=Path, help="folders of images, train/<class>/ and so on")
    parser.add_argument("--weights", type=Path, required=True, help="of VGG16, without its top")
    parser.add_argument("--images", type=int, default=3000, help="to learn from and to validate on")
    parser.add_argument("--test-images", type=int, default=4000, help="of `table` and `ranks`")
    options = parser.parse_args()
    {"table": measure_table, "ranks": measure_ranks, "cost": measure_cost}[options.what](options)


def override_data(options: argparse.Namespace, weights: Path | None) -> tuple[str, ...]:
    """Return the overrides that set data and weights."""
    data = (
        f"data_config.dataset={{name: mnist, path: {options.mnist.resolve()}}}"
        if options.mnist
        else f"data_config.dataset={{name: folder, path: {options.folder.resolve()}}}"
    )
    value = "null" if weights is None else str(weights.resolve())
    return (data, f"model_configuration.weights={value}", "data_config.data_augmentation={}")


def override_top(layer: str) -> str:
    """Return the override of a softmax top on a flattened, normalized layer."""
    return (
        "model_configuration.model_top_config={"
        f"flatten: {{layer_type: Flatten, input_layer: {layer}}}, "
        "normalize: {layer_type: BatchNormalization}, "
        "classes: {layer_type: Dense, initializing_parameters: {units: 10, activation: softmax}}}"
    )


def measure_table(options: argparse.Namespace) -> None:
    """Measure the test accuracy of ridge regression on each layer, a fifth validated on."""
    limit = f"data_config.limit={{train: {options.images}, test: {options.test_images}}}"
    rows = []
    for name, weights in (("given", options.weights), ("random", None)):
        subject = (*override_data(options, weights), limit, "data_config.validation_fraction=0.2")
        rows.append({"weights": name, **measure_layers(subject)})
    report(
        "probe_table",
        rows,
        f"Test accuracy in percent of ridge regression on flattened layers of VGG16, MNIST at "
        f"32x32; {options.images} training images, a fifth of them held out to choose the "
        f"penalty, {options.test_images} test images, drawn with seed 0.",
    )


def measure_layers(subject: Sequence[str]) -> dict[str, float]:
    """Return layer -> test accuracy in percent; all layers from one pass, as in a probe."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from framework.config import load_config
    from framework.config.model import FeatureCache, TrainingConfig
    from framework.data.registry import read_dataset
    from framework.data.splits import split_dataset
    from framework.features.layer_features import prepare_layers
    from framework.models.builder import assemble_backbone
    from framework.training.solvers import ridge

    config = load_config(CONFIG, subject)
    dataset = read_dataset(config.data_config.dataset)
    splits = split_dataset(dataset, config.data_config, config.training_config.seed).by_name()
    backbone, _ = assemble_backbone(config)
    outputs = {layer: (backbone.get_layer(layer).output,) for layer in LAYERS}
    accuracies = {}
    with tempfile.TemporaryDirectory() as folder:
        settings = TrainingConfig(feature_cache=FeatureCache(directory=folder))
        features = prepare_layers(backbone, outputs, splits, settings, shared=False)
        for layer in LAYERS:
            rows = {split: features.read(layer, split)[0] for split in splits}
            rows = {split: maps.reshape(len(maps), -1) for split, maps in rows.items()}
            labels = splits["training"].labels
            targets = ridge.encode_targets(labels, len(dataset.class_names))
            solved = ridge.solve(rows["training"], targets, np.ones(len(labels)), ridge.STRENGTHS)
            scores = ridge.score_images(rows["validation"], *solved)
            best = ridge.choose_strength(scores, splits["validation"].labels)
            answers = rows["test"] @ solved[0][best] + solved[1][best]
            right = (answers.argmax(axis=1) == splits["test"].labels).mean()
            accuracies[layer] = round(100 * float(right), 2)
    return accuracies


def measure_ranks(options: argparse.Namespace) -> None:
    """Compare probe accuracies with those of softmax layers trained on the same images."""
    subject = override_data(options, options.weights)
    with tempfile.TemporaryDirectory() as folder:
        probed = probe(
            (*subject, "training_config.seed=0"),
            ("--layers", ",".join(LAYERS), "--shots", "all", "--images", str(options.images)),
            Path(folder),
        )["rows"]
        accuracies = {
            r["layer"]: r["validation_accuracy"] for r in probed if r["pooling"] == "flatten"
        }
        rows = []
        limit = f"data_config.limit={{train: {options.images}, test: {options.test_images}}}"
        third = f"data_config.validation_fraction={1 / 3:.4f}"
        for layer in LAYERS:
            overrides = (*subject, third, override_top(layer), f"training_config.epochs={EPOCHS}")
            overrides = (*overrides, *([limit] if options.mnist else []))
            trained = train_with_project(overrides, Path(folder) / "cache").accuracy
            rows.append(
                {
                    "layer": layer,
                    "probe, validation": round(100 * float(accuracies[layer]), 2),
                    "trained, test": round(100 * trained, 2),
                }
            )
    columns = [[row[name] for row in rows] for name in ("probe, validation", "trained, test")]
    rank = spearmanr(*columns).statistic
    name = "mnist" if options.mnist else options.folder.name
    report(
        f"probe_ranks_{name}",
        rows,
        f"VGG16, {name}, at most {options.images} images to learn from, a third of them "
        f"validated on; trained: BatchNormalization and a softmax layer, {EPOCHS} epochs of Adam, "
        f"early stopping. Spearman's rank correlation {rank:.2f}.",
    )


def probe(overrides: Sequence[str], options: Sequence[str], folder: Path) -> dict[str, Any]:
    """Run `run.py probe` in a process of its own; return its rows, seconds and peak memory."""
    output = folder / f"probe{time.monotonic_ns()}"
    command = ["run.py", "probe", "--config", str(CONFIG), "--output", str(output), *options]
    cost = measure_process(command, overrides, folder / "cache")
    with (output / "probe.csv").open() as stream:
        return {**cost, "rows": list(csv.DictReader(stream))}


def measure_cost(options: argparse.Namespace) -> None:
    """Time a first and a second probe of all layers, and passes of the backbone around them."""
    subject = override_data(options, options.weights)
    images = ("--images", str(options.images))
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for shots in ("5,10,100,all", "all"):
            cache = Path(folder) / shots
            cache.mkdir()
            before = measure_pass(subject, options.images)
            first = probe(subject, (*images, "--shots", shots), cache)
            second = probe(subject, (*images, "--shots", shots), cache)
            seconds = min(before, measure_pass(subject, options.images))
            layers = len({row["layer"] for row in first["rows"]})
            solving = sum(float(row["seconds"]) for row in first["rows"])
            rows.append(
                {
                    "shots": shots,
                    "one pass (s)": seconds,
                    "first probe (s)": first["process"],
                    "second probe (s)": second["process"],
                    "solving a layer (s)": solving / layers,
                    "rest of the first, in passes": (first["process"] - solving) / seconds,
                    "peak memory (MB)": max(first["peak_memory"], second["peak_memory"]) / 1e6,
                }
            )
    report(
        "probe_cost",
        rows,
        f"All {layers} layers of VGG16, {options.images} MNIST images at 32x32. Whole processes, "
        "with imports; a pass is the backbone alone, compiled, over as many images in memory.",
    )


def measure_pass(subject: Sequence[str], images: int) -> float:
    """Return seconds of one plain pass of the backbone, measured in this process."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras

    from framework.config import load_config
    from framework.features.extractor import Extractor
    from framework.models.builder import assemble_backbone

    config = load_config(CONFIG, subject)
    backbone, _ = assemble_backbone(config)
    extractor = Extractor(keras.Model(backbone.input, [backbone.output]))
    shape = (images, *config.data_config.image_shape.as_tuple)
    pixels = np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32)
    batches = range(0, images, extractor.batch_size)
    extractor.compute(pixels[: extractor.batch_size])  # Traces and compiles.
    start = time.perf_counter()
    for first in batches:
        extractor.compute(pixels[first : first + extractor.batch_size])
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
