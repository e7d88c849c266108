"""The config as the rest of the framework sees it: frozen, complete, checked.

The attributes carry the names of the config's keys, so that the dotted path
of a problem is also the path of the attribute. Every key is defined here and
nowhere else: its default, the kind of value it takes (in the words of
`kinds.py` and `schema.py`) and what it is for. The JSON Schema and
`docs/config.md` are made from these definitions.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import MISSING, dataclass
from typing import Any, Literal

from framework.config.fields import config_field
from framework.config.parse.source_map import SourceMap


@dataclass(frozen=True)
class KerasObject:
    """A Keras object by name, with the arguments of its constructor."""

    name: str
    arguments: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True)
class FeatureCache:
    """How the outputs of the frozen layers are kept, so that they are computed once."""

    mode: Literal["auto", "off"] = config_field(
        "auto",
        "'auto' or 'off'",
        "`off` runs the whole network in every epoch, as plain Keras does.",
    )
    augmented_views: int | Literal["fresh"] = config_field(
        4,
        "positive integer or 'fresh'",
        "How many sets of augmented images are drawn and used in turn, the first being the images "
        "themselves; `fresh` draws anew in every epoch, and pays for the backbone each time.",
    )
    directory: str | None = config_field(
        None, "string or null", "Where the features are stored; `null`: the user's cache directory."
    )
    limit_gb: float = config_field(
        20.0,
        "positive number",
        "Size of the store in GB; the least recently used features go first.",
    )


@dataclass(frozen=True)
class FineTuning:
    """A second phase of training, in which the upper part of the backbone trains too."""

    unfreeze_from: str = config_field(
        MISSING, "backbone layer", "The lowest backbone layer that trains; all above it train too."
    )
    epochs: int = config_field(5, "positive integer", "Epochs of the second phase.")
    learning_rate: float = config_field(
        1e-5, "positive number", "Learning rate of the second phase."
    )


@dataclass(frozen=True)
class Solver:
    """Another way to train the top than gradient descent: a closed form."""

    name: Literal["ridge"] = config_field(
        MISSING, "'ridge'", "`ridge`: the last `Dense` by ridge regression on the classes."
    )
    alpha: float | Literal["auto"] = config_field(
        "auto",
        "'auto' or positive number",
        "The penalty, relative to the spread of what the `Dense` reads; `auto`: the one of 15 "
        "between 1e-8 and 0.1 that is right most often on the validation images.",
    )


@dataclass(frozen=True)
class TrainingConfig:
    """How the classifier is trained."""

    enable_training: bool = config_field(
        True, "boolean", "`false` loads `model_configuration.saved_model`, and only evaluates it."
    )
    epochs: int = config_field(
        25, "positive integer", "How often the training images are gone through."
    )
    batch_size: int = config_field(32, "positive integer", "Images per step of the optimizer.")
    call_backs_conf: Mapping[str, Mapping[str, Any]] = config_field(
        dict, "callbacks or null", "Keras callbacks by name, each with its arguments, or `{}`."
    )
    optimizer: KerasObject = config_field(
        KerasObject("Adam"),
        "optimizer",
        'A Keras optimizer: `"Adam"`, or `{"name": "Adam", "learning_rate": 0.001}`.',
    )
    loss: KerasObject = config_field(
        KerasObject("sparse_categorical_crossentropy"),
        "loss",
        'A Keras loss: a name, or `{"name": "categorical_crossentropy", "label_smoothing": 0.1}`. '
        "A loss that is not sparse is given one-hot labels.",
    )
    metrics: tuple[KerasObject, ...] = config_field(
        (), "metrics or null", "Keras metrics besides accuracy, which is always measured."
    )
    class_weight: Literal["balanced"] | Mapping[str, float] | None = config_field(
        None,
        "class weight",
        "Weight of each class in the loss, by class name; `balanced`: inverse to its frequency.",
    )
    precision: Literal["float32", "mixed_float16", "mixed_bfloat16"] = config_field(
        "float32",
        "'float32' or 'mixed_float16' or 'mixed_bfloat16'",
        "What the network computes in; the mixed ones are faster on GPUs with tensor cores, and "
        "keep weights and answers in float32.",
    )
    devices: int | Literal["all"] = config_field(
        1,
        "positive integer or 'all'",
        "How many GPUs of this machine compute features, and share each batch where backbone "
        "layers train or there is no backbone; `all`: as many as there are. Without a GPU, "
        "processors count.",
    )
    seed: int = config_field(0, "seed", "Fixes everything random in the run.")
    feature_cache: FeatureCache = config_field(
        FeatureCache(), "FeatureCache", "How the outputs of the frozen layers are kept."
    )
    fine_tuning: FineTuning | None = config_field(
        None, "FineTuning or null", "A second phase, in which upper backbone layers train too."
    )
    solver: Solver | None = config_field(
        None,
        "Solver or null",
        "`null`: gradient descent. Otherwise the last `Dense` is solved in closed form, where "
        "nothing else of the top trains; epochs, optimizer and callbacks have no part in it.",
    )


@dataclass(frozen=True)
class ImageShape:
    """The shape of one image as the network takes it."""

    image_rows: int = config_field(32, "pixels", "Height in pixels.")
    image_columns: int = config_field(32, "pixels", "Width in pixels.")
    channel_numbers: int = config_field(3, "1 or 3", "1: grey; 3: RGB. ImageNet weights need 3.")

    @property
    def as_tuple(self) -> tuple[int, int, int]:
        """`(rows, columns, channels)`."""
        return (self.image_rows, self.image_columns, self.channel_numbers)


@dataclass(frozen=True)
class DatasetConfig:
    """Which images; `if_unavailable` names the data set to fall back on."""

    name: str = config_field("mnist", "dataset", "The data set.")
    path: str | None = config_field(
        None,
        "string or null",
        "Where the images lie; for a named data set, a local copy to use instead of a download.",
    )
    if_unavailable: str | None = config_field(
        None, "dataset or null", "The data set to use, and to say so, when `name` can't be had."
    )
    split: Literal["byclass", "bymerge", "balanced", "letters", "digits", "mnist"] | None = (
        config_field(
            None,
            "'byclass' or 'bymerge' or 'balanced' or 'letters' or 'digits' or 'mnist' or null",
            "Which of EMNIST's six data sets; `null`: `balanced`.",
        )
    )
    test_fraction: float | None = config_field(
        None,
        "share or null",
        "Share of the images that is only tested on, where a `folder` or `csv` data set has no "
        "labelled test images of its own; `null`: 0.2.",
    )


@dataclass(frozen=True)
class Limit:
    """How many images at most of each split, drawn seeded and stratified."""

    train: int | None = config_field(
        None, "positive integer or null", "Training images; `null`: all."
    )
    test: int | None = config_field(None, "positive integer or null", "Test images; `null`: all.")


@dataclass(frozen=True)
class Resize:
    """How images of another size are brought to `image_shape`."""

    method: Literal["bilinear", "nearest", "bicubic", "lanczos"] = config_field(
        "bilinear",
        "'bilinear' or 'nearest' or 'bicubic' or 'lanczos'",
        "How pixels are interpolated.",
    )
    fit: Literal["stretch", "pad", "crop"] = config_field(
        "stretch",
        "'stretch' or 'pad' or 'crop'",
        "What is done when the proportions differ: change them, add a border, or cut.",
    )


@dataclass(frozen=True)
class DataConfig:
    """What the classifier is trained and tested on."""

    image_shape: ImageShape = config_field(
        ImageShape(), "ImageShape", "The shape of one image as the network takes it."
    )
    data_augmentation: Mapping[str, Any] = config_field(
        dict,
        "augmentation or null",
        "How training images are varied: arguments of Keras's `ImageDataGenerator`.",
    )
    dataset: DatasetConfig = config_field(
        DatasetConfig(),
        "DatasetConfig or dataset",
        'The images: a name such as `"mnist"`, or an object.',
    )
    validation_fraction: float = config_field(
        0.1,
        "share",
        "Share of the training images that is held out, stratified by class, to choose the epoch.",
    )
    limit: Limit = config_field(Limit(), "Limit or null", "How many images are used at most.")
    resize: Resize = config_field(Resize(), "Resize", "How images are brought to `image_shape`.")


@dataclass(frozen=True)
class Weights:
    """The backbone's weights: `"imagenet"`, a path, or null for random ones."""

    name: str | None = config_field(
        "imagenet", "string or null", '`"imagenet"`, a weights file or run, or `null`: random.'
    )
    if_unavailable: Literal["random"] | None = config_field(
        None, "'random' or null", "What to use, and to say so, when the weights can't be had."
    )


@dataclass(frozen=True)
class TopLayer:
    """One declared layer; `input_layer` is resolved, never left to a default."""

    layer_type: str
    initializing_parameters: Mapping[str, Any]
    input_layer: str | tuple[str, ...]


@dataclass(frozen=True)
class ModelConfiguration:
    """The backbone and the declared top, in the order of the config."""

    model_name: str = config_field(
        MISSING,
        "backbone",
        'A network of Keras Applications, or `"none"`: the top is all there is.',
    )
    model_top_config: Mapping[str, TopLayer] = config_field(
        MISSING, "top", "The layers on the backbone, by name, in any directed acyclic graph."
    )
    weights: Weights = config_field(
        Weights(),
        "Weights or string or null",
        "The backbone's weights: a string, `null` or an object.",
    )
    model_arguments: Mapping[str, Any] = config_field(
        dict,
        "backbone arguments or null",
        'Arguments of the backbone besides its size and weights, such as `{"pooling": "avg"}`.',
    )
    trainable: str = config_field(
        "none",
        "trainable",
        "Which backbone layers train from the start: `none`, `all`, or from a named layer up.",
    )
    saved_model: str | None = config_field(
        None,
        "string or null",
        "With `enable_training: false`: the run directory or `.keras` file to load; `null`: the "
        "newest finished run of this config.",
    )


@dataclass(frozen=True)
class ReportConfig:
    """Pictures of the inside of the network, on request."""

    feature_maps: tuple[str, ...] = config_field(
        (), "layer names or null", "Layers whose outputs for a sample image are drawn."
    )
    filters: tuple[str, ...] = config_field(
        (), "layer names or null", "Convolution layers whose filters are drawn."
    )
    grad_cam: bool = config_field(
        False, "boolean", "Whether to draw where the network looked, for right and wrong answers."
    )
    embedding: bool = config_field(
        False,
        "boolean",
        "Whether to draw a map of the features in two dimensions, coloured by class.",
    )


@dataclass(frozen=True)
class Config:
    """A whole config. Equal configs describe the same run."""

    training_config: TrainingConfig = config_field(
        MISSING, "TrainingConfig", "How the classifier is trained."
    )
    data_config: DataConfig = config_field(MISSING, "DataConfig", "The images.")
    model_configuration: ModelConfiguration = config_field(
        MISSING, "ModelConfiguration", "The network."
    )
    report_config: ReportConfig = config_field(
        ReportConfig(), "ReportConfig", "Pictures of the inside of the network, on request."
    )
    origin: SourceMap = dataclasses.field(
        default_factory=lambda: SourceMap("config"), compare=False, repr=False
    )
