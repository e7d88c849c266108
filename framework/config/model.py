"""The config as the rest of the framework sees it: frozen, complete, checked.

The attributes have the names of the keys, so that a problem's dotted path is also an attribute's.
Every key is defined only here: type, default, purpose. The JSON Schema and `docs/config.md`
are made from it.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import MISSING, dataclass
from typing import Annotated, Any, Literal

from framework.config.catalog import IMAGENET
from framework.config.fields import (
    DatasetName,
    LayerNames,
    Pixels,
    PositiveInt,
    Share,
    config_field,
)
from framework.config.source_map import SourceMap
from framework.config.training_model import (
    FeatureCache,
    FineTuning,
    KerasObject,
    Solver,
    TrainingConfig,
)

__all__ = [
    "Config",
    "DataConfig",
    "DatasetConfig",
    "FeatureCache",
    "FineTuning",
    "ImageShape",
    "KerasObject",
    "Limit",
    "ModelConfiguration",
    "ReportConfig",
    "Resize",
    "Solver",
    "TopLayer",
    "TrainingConfig",
    "Weights",
]


@dataclass(frozen=True)
class ImageShape:
    """The shape of one image as the network takes it."""

    image_rows: Pixels = config_field(32, "Height in pixels.")
    image_columns: Pixels = config_field(32, "Width in pixels.")
    channel_numbers: Annotated[int, "1 or 3"] = config_field(
        3, "1: grey; 3: RGB. ImageNet weights need 3."
    )

    @property
    def as_tuple(self) -> tuple[int, int, int]:
        """The shape as `(rows, columns, channels)`."""
        return (self.image_rows, self.image_columns, self.channel_numbers)


@dataclass(frozen=True)
class DatasetConfig:
    """Which images; `if_unavailable` names the data set to fall back on."""

    name: DatasetName = config_field("mnist", "The data set.")
    path: str | None = config_field(
        None, "Where the images are; for a named data set, a local copy instead of a download."
    )
    if_unavailable: DatasetName | None = config_field(
        None, "The data set to use when `name` is not available; the report says so."
    )
    split: Literal["byclass", "bymerge", "balanced", "letters", "digits", "mnist"] | None = (
        config_field(None, "Which of EMNIST's six data sets; `null`: `balanced`.")
    )
    test_fraction: Share | None = config_field(
        None,
        "Share of the images that is only tested on, where a `folder` or `csv` data set has no "
        "labelled test images of its own; `null`: 0.2.",
    )
    label_column: str | None = config_field(
        None, "The column of a `csv` with the classes; `null`: `label`, `class` or `target`."
    )
    path_column: str | None = config_field(
        None, "The column of a `csv` with the paths of files; `null`: `image`, `path` or the like."
    )
    exclude: str | None = config_field(
        None,
        "A file of images to leave out, with the columns `split` and `index_or_path`, as "
        "`check-data` writes it; a column `exclude`, if there is one, marks its rows with `x`.",
    )


@dataclass(frozen=True)
class Limit:
    """How many images at most of each split, drawn seeded and stratified."""

    train: PositiveInt | None = config_field(None, "Training images; `null`: all.")
    test: PositiveInt | None = config_field(None, "Test images; `null`: all.")


@dataclass(frozen=True)
class Resize:
    """How images of another size are brought to `image_shape`."""

    method: Literal["bilinear", "nearest", "bicubic", "lanczos"] = config_field(
        "bilinear", "How pixels are interpolated."
    )
    fit: Literal["stretch", "pad", "crop"] = config_field(
        "stretch", "What is done when the proportions differ: change them, add a border, or cut."
    )


@dataclass(frozen=True)
class DataConfig:
    """What the classifier is trained and tested on."""

    image_shape: ImageShape = config_field(
        ImageShape(), "The shape of one image as the network takes it."
    )
    data_augmentation: Annotated[Mapping[str, Any], "augmentation or null"] = config_field(
        dict, "How training images are varied: arguments of Keras's `ImageDataGenerator`."
    )
    dataset: Annotated[DatasetConfig, "object or dataset"] = config_field(
        DatasetConfig(), 'The images: a name such as `"mnist"`, or an object.'
    )
    validation_fraction: Share = config_field(
        0.1, "Share of the training images held out, stratified by class, to choose the epoch."
    )
    limit: Annotated[Limit, "object or null"] = config_field(
        Limit(), "How many images are used at most."
    )
    resize: Resize = config_field(Resize(), "How images are brought to `image_shape`.")


@dataclass(frozen=True)
class Weights:
    """The backbone's weights: `"imagenet"`, a path, or null for random ones."""

    name: str | None = config_field(
        IMAGENET, '`"imagenet"`, a weights file or run, or `null`: random.'
    )
    if_unavailable: Literal["random"] | None = config_field(
        None, "What to use when the weights are not available; the report says so."
    )


@dataclass(frozen=True)
class TopLayer:
    """One declared layer; `input_layer` is resolved, never left to a default."""

    layer_type: str
    initializing_parameters: Mapping[str, Any]
    input_layer: str | tuple[str, ...]

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the layer's inputs, one or several."""
        return (self.input_layer,) if isinstance(self.input_layer, str) else self.input_layer


@dataclass(frozen=True)
class ModelConfiguration:
    """The backbone and the declared top, in the order of the config."""

    model_name: Annotated[str, "backbone"] = config_field(
        MISSING,
        "A network of Keras Applications, the path of a `.keras` file, `hub:` and a preset of "
        'KerasHub, or `"none"`: the top is all there is.',
    )
    model_top_config: Annotated[Mapping[str, TopLayer], "top"] = config_field(
        MISSING, "The layers on the backbone, by name, in any directed acyclic graph."
    )
    weights: Annotated[Weights, "object or string or null"] = config_field(
        Weights(), "The backbone's weights: a string, `null` or an object."
    )
    model_arguments: Annotated[Mapping[str, Any], "backbone arguments or null"] = config_field(
        dict,
        'Arguments of the backbone besides its size and weights, such as `{"pooling": "avg"}`.',
    )
    preprocessing: Annotated[str | Mapping[str, Any] | None, "preprocessing"] = config_field(
        None,
        "How the network of a `.keras` file, or of a preset without an image converter, wants its "
        "images, which are in [0, 255]: `none`, "
        "`caffe`, `tf`, `torch`, or a `scale` and an `offset`; `null`: guessed, with a warning.",
    )
    trainable: Annotated[str, "trainable"] = config_field(
        "none",
        "Which backbone layers train from the start: `none`, `all`, or from a named layer up.",
    )
    saved_model: str | None = config_field(
        None,
        "With `enable_training: false`: the run directory or `.keras` file to load; `null`: the "
        "newest finished run of this config.",
    )


@dataclass(frozen=True)
class ReportConfig:
    """What the report shows besides the results: the inside of the network, suspicious images."""

    feature_maps: LayerNames = config_field(
        (), "Layers whose outputs for a sample image are drawn."
    )
    filters: LayerNames = config_field((), "Convolution layers whose filters are drawn.")
    grad_cam: bool = config_field(
        False, "Whether to draw where the network looked, for right and wrong predictions."
    )
    embedding: bool = config_field(
        False, "Whether to draw a map of the features in two dimensions, coloured by class."
    )
    data_issues: bool = config_field(
        True,
        "Whether to list suspicious images: probably wrong labels, outliers, copies of training "
        "images.",
    )


@dataclass(frozen=True)
class Config:
    """A whole config. Equal configs describe the same run."""

    training_config: TrainingConfig = config_field(MISSING, "How the classifier is trained.")
    data_config: DataConfig = config_field(MISSING, "The images.")
    model_configuration: ModelConfiguration = config_field(MISSING, "The network.")
    report_config: ReportConfig = config_field(
        ReportConfig(), "What the report shows besides the results."
    )
    source_map: SourceMap = dataclasses.field(
        default_factory=lambda: SourceMap("config"), compare=False, repr=False
    )
