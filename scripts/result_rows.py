"""The rows of the tables of docs/results.md: what is trained, on what, and how well it does."""

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

import framework
from framework.config.model import TopLayer
from framework.experiment import RunOptions, start_experiment
from framework.probing.best_config import SOLVER
from framework.probing.probe_results import Probe
from framework.utils.files import read_json

Data = Literal["digits", "photographs"]
Method = Literal["published top", "probed layer", "two taps", "fine-tuned", "cnn"]

TRANSFER: tuple[Method, ...] = ("published top", "probed layer", "two taps", "fine-tuned")
PUBLISHED = "configs/vgg16.json"
ALL_OF_MNIST: tuple[Method, ...] = (*TRANSFER, "cnn")
SEEDS = (0, 1, 2)
SHOTS = (5, 10, 100)
PIXEL_SHOTS = 20
SIDES = (32, 64, 96, 224)
SHOTS_SIDE: dict[Data, int] = {"digits": 32, "photographs": 96}
CLASSES = 10  # of both data sets
VALIDATION = 1 / 6  # of the images where they are few: a fifth of those to learn from
TEST_IMAGES = {"images": 2_000, "pixels": 500}
PROBE_SHOTS = 100  # Fewer can't tell layers apart.
CNN_STEPS = 1_000  # where images are few


@dataclass(frozen=True)
class Row:
    """A training of which a table shows the test accuracy.

    Args:
        table: `mnist`: all images; `images`: few images per class; `pixels`: several sizes.
        data: MNIST's digits or the photographs.
        method: Which top reads what, or a CNN of its own.
        side: Rows and columns of the images in pixels.
        shots: Images per class to learn from; 0: all.
        seed: Of the whole training, also of which images are drawn.
    """

    table: str
    data: Data
    method: Method
    side: int
    shots: int
    seed: int


@dataclass(frozen=True)
class Sources:
    """Where the images and weights are.

    Args:
        mnist: MNIST's `mnist.npz`.
        photographs: A folder with `train/<class>/*` and `test/<class>/*`.
        weights: VGG16's ImageNet weights without its top.
    """

    mnist: Path
    photographs: Path
    weights: Path


@dataclass(frozen=True)
class Result:
    """What a training has reached on test images.

    Args:
        layers: The layers of the backbone that the top reads.
        accuracy: In [0, 1].
        low: Lower end of its 95 % interval (Wilson).
        high: Upper end.
        test_images: How many there are.
    """

    layers: str
    accuracy: float
    low: float
    high: float
    test_images: int


def list_rows() -> Iterator[Row]:
    """Yield the rows of all tables, the quickest tables first."""
    for method in ALL_OF_MNIST:
        yield Row("mnist", "digits", method, 28 if method == "cnn" else 32, 0, 0)
    for data, side in SHOTS_SIDE.items():
        for seed in SEEDS:
            for shots in SHOTS:
                for method in (*TRANSFER, "cnn"):
                    sides = {"digits": 28, "photographs": 32} if method == "cnn" else {data: side}
                    yield Row("images", data, method, sides[data], shots, seed)
    for side in SIDES:
        for data in SHOTS_SIDE:
            for method in TRANSFER:
                yield Row("pixels", data, method, side, PIXEL_SHOTS, 0)


def measure(row: Row, sources: Sources) -> Result:
    """Train a row's classifier and test it."""
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory) / "run"
        if row.method == "cnn":
            config = framework.load_config("configs/cnn.json", _configure_cnn(row, sources))
        else:
            config = framework.load_config(PUBLISHED, _configure_transfer(row, sources))
        # Without figures, which take longer than many of these trainings.
        run = start_experiment(config, row.method, place, RunOptions(with_report=False))
        test = read_json(run / "metrics.json")["test"]
        layers = _list_inputs(config.model_configuration.model_top_config)
        return Result(
            "" if row.method == "cnn" else " + ".join(layers) or "block5_pool",
            test["accuracy"],
            *test["accuracy_interval"],
            sum(map(sum, test["confusion_matrix"])),
        )


def _configure_transfer(row: Row, sources: Sources) -> dict[str, Any]:
    """Return the overrides of the published config for a top on a frozen VGG16."""
    overrides = _configure_backbone(row, sources)
    if row.method == "fine-tuned":
        overrides["training_config.fine_tuning"] = {
            "unfreeze_from": "block5_conv1",
            "epochs": 10 if row.shots else 3,  # An epoch of all of MNIST takes minutes.
            "learning_rate": 1e-4,
        }
    elif row.method != "published top":
        shots = PROBE_SHOTS if row.table == "images" else row.shots
        tops = find_tops(replace(row, method="probed layer", shots=shots), sources)
        overrides["training_config.solver"] = SOLVER
        overrides["model_configuration.model_top_config"] = tops[row.method]
    return overrides


@cache
def find_tops(row: Row, sources: Sources) -> dict[Method, dict[str, Any]]:
    """Return the tops on the layer that a probe finds, and on two of them."""
    with tempfile.TemporaryDirectory() as directory:
        overrides = _configure_backbone(row, sources)
        place = Path(directory) / "probe"
        probe = framework.probe(PUBLISHED, shots=("all",), overrides=overrides, output=place)
    best = probe.best.output.make_top(probe.best.pooling)
    return {"probed layer": best, "two taps": _join_best(probe)}


def _configure_backbone(row: Row, sources: Sources) -> dict[str, Any]:
    """Return the overrides of the published config that all its tops share."""
    overrides = _configure(row, sources)
    overrides["data_config.image_shape"] = _shape(row.side, 3)
    overrides["model_configuration.weights"] = str(sources.weights.resolve())
    if row.shots:  # No augmentation, so that images and layers alone make the difference.
        overrides["data_config.data_augmentation"] = {}
        overrides["training_config.feature_cache.precision"] = "bfloat16"
    return overrides


def _configure(row: Row, sources: Sources) -> dict[str, Any]:
    """Return the overrides that all methods share: images, how many, and the seed."""
    dataset: dict[str, str] = {"name": "mnist", "path": str(sources.mnist.resolve())}
    if row.data == "photographs":
        dataset = {"name": "folder", "path": str(sources.photographs.resolve())}
    overrides: dict[str, Any] = {
        "training_config.seed": row.seed,
        "data_config.dataset": dataset,
    }
    if row.shots:
        overrides["data_config.limit"] = {
            "train": round(row.shots * CLASSES / (1 - VALIDATION)),
            "test": TEST_IMAGES[row.table],
        }
        overrides["data_config.validation_fraction"] = VALIDATION
    return overrides


def _configure_cnn(row: Row, sources: Sources) -> dict[str, Any]:
    """Return the overrides of `configs/cnn.json`: as many steps whatever the number of images."""
    overrides = _configure(row, sources)
    if row.data == "photographs":
        overrides["data_config.image_shape"] = _shape(row.side, 3)
        overrides["data_config.data_augmentation.horizontal_flip"] = True
    if row.shots:
        batch_size = 32 if row.shots >= 100 else 8
        steps = -(-row.shots * CLASSES // batch_size)
        overrides["training_config.batch_size"] = batch_size
        overrides["training_config.epochs"] = -(-CNN_STEPS // steps)
        schedule = "training_config.optimizer.learning_rate.config"
        overrides[f"{schedule}.decay_steps"] = CNN_STEPS - 200  # The rest is the warm-up.
    return overrides


def _shape(side: int, channels: int) -> dict[str, int]:
    return {"image_rows": side, "image_columns": side, "channel_numbers": channels}


def _join_best(probe: Probe) -> dict[str, Any]:
    """Return a top on the best layer and the one with the highest accuracy of the other blocks."""
    block = probe.best.layer.split("_")[0]
    others = (row for row in probe.rows if row.layer.split("_")[0] != block)
    second = max(others, key=lambda row: (row.validation_accuracy, -row.losses.mean()))
    top: dict[str, Any] = {}
    ends = []
    for tap in (probe.best, second):
        layers = tap.output.make_top(tap.pooling)
        answer = layers.pop("classes")
        names = {name: f"{tap.layer}_{name}" for name in layers}
        top |= {names[name]: layer for name, layer in layers.items()}
        ends.append(list(names.values())[-1])
    joined = {"joined": {"layer_type": "Concatenate", "input_layer": ends}}
    return top | joined | {"classes": {**answer, "input_layer": "joined"}}


def _list_inputs(top: Mapping[str, TopLayer]) -> list[str]:
    """List the layers of the backbone that a top reads."""
    read = (layer.input_layer for layer in top.values())
    names = [each for one in read for each in ([one] if isinstance(one, str) else one or ())]
    return [name for name in names if name not in top and name != "backbone"]
