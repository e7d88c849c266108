"""What a config may name: Keras's objects with their arguments, and the data sets.

`catalog.json` and `backbones/*.txt` are written by `scripts/make_catalog.py`
from the installed Keras, so that checking a config needs no TensorFlow.
"""

import json
from functools import cache
from importlib.resources import files
from typing import Any, Literal, NamedTuple

from framework.config.keras_file import is_keras_file, read_keras_file
from framework.hub.layer_names import list_layers
from framework.hub.presets import find_preset, is_hub

NO_BACKBONE = "none"
"""The `model_name` of a network without a backbone."""

# Stands for the number of classes, where a layer of the top wants its units.
CLASSES = "classes"

BACKBONE_OUTPUT = "backbone"
"""What `input_layer` calls the backbone's output, or the image where there is no backbone."""

IMAGENET = "imagenet"
"""The `weights` that Keras publishes for each backbone."""

ACCURACY = "accuracy"
"""The metric that is measured in every run, and so need not be listed."""

COVERAGE = 0.99
"""The share of validation images that a classifier knows by default; others are unknown."""

DATASETS: dict[str, str] = {
    "mnist": "70,000 handwritten digits, 28x28, grey",
    "fashion_mnist": "70,000 pictures of clothes in 10 classes, 28x28, grey",
    "cifar10": "60,000 photographs in 10 classes, 32x32, colour",
    "cifar100": "60,000 photographs in 100 classes, 32x32, colour",
    "emnist": "handwritten letters and digits, 28x28, grey",
    "digits": "1,797 handwritten digits, 8x8, grey; part of scikit-learn, needs no network",
    "folder": "image files in a folder per class: path/train/<class>/*, path/test/<class>/*",
    "csv": "a table of image files or of pixels, or a folder with train.csv and test.csv",
    "npz": "one .npz file with x_train, y_train, x_test and y_test",
}

PATH_DATASETS = ("folder", "csv", "npz")
"""Data sets that need a `path`."""

DATASET_KEYS: dict[str, tuple[str, ...]] = {
    "split": ("emnist",),
    "test_fraction": ("folder", "csv"),
    "label_column": ("csv",),
    "path_column": ("csv",),
}
"""Keys of `data_config.dataset` that only some data sets have."""

OWN_LAYERS = ("image", "resizing", "preprocessing")
"""Names of layers that every network may have below its backbone's own."""

BACKBONE_ARGUMENTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "pooling": ("'avg' or 'max' or null", ("",)),
    "image_size": ("positive integer", ("hub:",)),
    "alpha": ("positive number", ("MobileNet",)),
    "depth_multiplier": ("positive integer", ("MobileNet.",)),
    "minimalistic": ("boolean", ("MobileNetV3",)),
}
"""Arguments of Keras Applications that a config may give: what each takes, and which
applications have it, by the beginning of `name.`; the others follow from the config."""


class InputRule(NamedTuple):
    """How many tensors a layer takes, and how they are handed to it.

    Args:
        form: `"single"`: `layer(x)`; `"list"`: `layer([x, y])`; `"arguments"`: `layer(x, y)`.
        fewest: The fewest inputs.
        most: The most inputs; `None`: any number.
    """

    form: str
    fewest: int
    most: int | None

    def describe_count(self) -> str:
        """Return the number of inputs: `2`, `2 or more`, `1 to 3`."""
        if self.fewest == self.most:
            return str(self.fewest)
        return f"{self.fewest} or more" if self.most is None else f"{self.fewest} to {self.most}"


@cache
def load_catalog() -> dict[str, dict[str, dict[str, Any]]]:
    """Return the catalogue: kind -> name -> entry."""
    text = files("framework.config").joinpath("catalog.json").read_text("utf-8")
    catalog: dict[str, dict[str, dict[str, Any]]] = json.loads(text)
    return catalog


@cache
def list_names(kind: str) -> tuple[str, ...]:
    """Return the names of a kind that a config may use, other spellings included."""
    return tuple(name for name, entry in load_catalog()[kind].items() if "refused" not in entry)


@cache
def list_refusals(kind: str) -> dict[str, str]:
    """Return the names of a kind that a config may not use, each with the reason."""
    entries = load_catalog()[kind].items()
    return {name: entry["refused"] for name, entry in entries if "refused" in entry}


def find_class_name(kind: str, name: str) -> str:
    """Return the name of the Keras class behind a name.

    `categorical_crossentropy` is `CategoricalCrossentropy` among the losses,
    `MaxPool2D` is `MaxPooling2D` among the layers, `l2` is `L2`.

    Raises:
        KeyError: The catalogue does not hold the name.
    """
    return str(load_catalog()[kind][name].get("alias_of", name))


def find_entry(kind: str, name: str) -> dict[str, Any]:
    """Return the entry of a name, or of the class it is another name of.

    Raises:
        KeyError: The catalogue does not hold the name.
    """
    return load_catalog()[kind][find_class_name(kind, name)]


def find_better(measured: str) -> Literal["higher", "lower"] | None:
    """Return which values of a loss or metric are better; `None` where Keras can't tell.

    Args:
        measured: As `history.csv` calls it, such as `val_loss`.
    """
    name = measured.removeprefix("val_")
    if name == "loss":
        return "lower"
    if name == ACCURACY:
        return "higher"
    entries = load_catalog()["metrics"].values()
    return next((entry.get("better") for entry in entries if entry.get("log_name") == name), None)


def find_input_rule(layer_type: str) -> InputRule:
    """Return how a layer takes its inputs."""
    return InputRule(*find_entry("layers", layer_type).get("inputs", ("single", 1, 1)))


def load_backbone_layers(model_name: str) -> dict[str, str]:
    """Return the layers of a backbone from the input up: name -> class; `{}` for `none`.

    Raises:
        KerasFileError: It is a file that can't be a backbone.
        RunError: It is a preset of KerasHub that can't be loaded.
    """
    if model_name == NO_BACKBONE:
        return {}
    if is_keras_file(model_name):
        return dict(read_keras_file(model_name).layers)
    if is_hub(model_name):
        return list_layers(find_preset(model_name))
    return _read_layers(model_name)


@cache
def _read_layers(application: str) -> dict[str, str]:
    path = files("framework.config").joinpath("backbones", f"{application}.txt")
    lines = path.read_text("utf-8").splitlines()
    return dict(line.split(" ") for line in lines if not line.startswith("#"))


def has_own_weights(model_name: object) -> bool:
    """Return whether a backbone is a file or preset of weights, rather than an application."""
    return is_keras_file(model_name) or is_hub(model_name)


def find_smallest_image(model_name: str) -> int:
    """Return the least rows and columns of a backbone's images; 1 where nothing tells."""
    if has_own_weights(model_name):
        return 1
    smallest: int = find_entry("backbones", model_name)["smallest_image"]
    return smallest


def list_backbone_arguments(model_name: str) -> tuple[str, ...]:
    """Return the arguments that a config may give to a backbone."""
    return tuple(
        argument
        for argument, (_, beginnings) in BACKBONE_ARGUMENTS.items()
        if (model_name in list_names("backbones") or is_hub(model_name))
        and f"{model_name}.".startswith(beginnings)
    )


def wants_one_hot(kind: str, name: str) -> bool:
    """Return whether a loss or a metric compares one-hot labels, rather than class numbers."""
    return not find_class_name(kind, name).startswith("Sparse")
