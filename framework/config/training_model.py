"""The section `training_config`; see `framework.config.model`."""

import dataclasses
from collections.abc import Mapping
from dataclasses import MISSING, dataclass
from typing import Annotated, Any, Literal

from framework.config.fields import (
    ClassWeight,
    PositiveFloat,
    PositiveInt,
    Seed,
    config_field,
)


@dataclass(frozen=True)
class KerasObject:
    """A Keras object by name, with the arguments of its constructor."""

    name: str
    arguments: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True)
class FeatureCache:
    """How the outputs of the frozen layers are kept, so that they are computed once."""

    mode: Literal["auto", "off"] = config_field(
        "auto", "`off` runs the whole network in every epoch, as plain Keras does."
    )
    augmented_views: PositiveInt | Literal["fresh"] = config_field(
        2,
        "How many sets of augmented images are drawn and used in turn, the first being the images "
        "themselves; `fresh` draws anew in every epoch, and pays for the backbone each time.",
    )
    directory: str | None = config_field(
        None, "Where the features are stored; `null`: the user's cache directory."
    )
    limit_gb: PositiveFloat = config_field(
        20.0, "Size of the store in GB; the least recently used features go first."
    )
    precision: Literal["float32", "bfloat16", "float16"] | None = config_field(
        None,
        "What the frozen layers compute in, and are stored in; `null`: as "
        "`training_config.precision`. `bfloat16` is about twice as fast on processors with "
        "AVX512_BF16 or AMX and on many GPUs, `float16` on GPUs. What trains is not affected.",
    )


@dataclass(frozen=True)
class FineTuning:
    """A second phase of training, in which the upper part of the backbone trains too."""

    unfreeze_from: Annotated[str, "backbone layer"] = config_field(
        MISSING, "The lowest backbone layer that trains; all above it train too."
    )
    epochs: PositiveInt = config_field(5, "Epochs of the second phase.")
    learning_rate: PositiveFloat = config_field(1e-5, "Learning rate of the second phase.")


@dataclass(frozen=True)
class Solver:
    """Another way to train the top than gradient descent: a closed form."""

    name: Literal["ridge"] = config_field(
        MISSING, "`ridge`: the last `Dense` by ridge regression on the classes."
    )
    alpha: Literal["auto"] | PositiveFloat = config_field(
        "auto",
        "The penalty, relative to the spread of what the `Dense` reads; `auto`: the one of 15 "
        "between 1e-8 and 0.1 that is right most often on the validation images.",
    )


@dataclass(frozen=True)
class Tracking:
    """Where runs are recorded, besides their directories."""

    name: Literal["mlflow", "tensorboard"] = config_field(
        MISSING,
        "`mlflow`: parameters, metrics, files and the model; `tensorboard`: metrics and pictures, "
        "in `logs/` of the run directory.",
    )
    uri: str | None = config_field(
        None,
        "The tracking server or database of MLflow; `null`: what `MLFLOW_TRACKING_URI` names, or "
        "the SQLite file `results/mlflow.db`.",
    )
    experiment: str | None = config_field(
        None, "The experiment of MLflow; `null`: `transfer-framework`."
    )
    parent_run: str | None = config_field(
        None, "The ID of the run of MLflow that this one is a part of; a sweep sets it."
    )


@dataclass(frozen=True)
class TrainingConfig:
    """How the classifier is trained."""

    enable_training: bool = config_field(
        True, "`false` loads `model_configuration.saved_model`, and only evaluates it."
    )
    epochs: PositiveInt = config_field(25, "Passes over the training images.")
    batch_size: PositiveInt = config_field(32, "Images per step of the optimizer.")
    call_backs_conf: Annotated[Mapping[str, Mapping[str, Any]], "callbacks or null"] = config_field(
        dict, "Keras callbacks by name, each with its arguments, or `{}`."
    )
    optimizer: Annotated[KerasObject, "optimizer"] = config_field(
        KerasObject("Adam"),
        'A Keras optimizer: `"Adam"`, or `{"name": "Adam", "learning_rate": 0.001}`.',
    )
    loss: Annotated[KerasObject, "loss"] = config_field(
        KerasObject("sparse_categorical_crossentropy"),
        'A Keras loss: a name, or `{"name": "categorical_crossentropy", "label_smoothing": 0.1}`. '
        "A loss that is not sparse is given one-hot labels.",
    )
    metrics: Annotated[tuple[KerasObject, ...], "metrics or null"] = config_field(
        (), "Keras metrics besides accuracy, which is always measured."
    )
    class_weight: ClassWeight = config_field(
        None,
        "Weight of each class in the loss, by class name; `balanced`: inverse to its frequency.",
    )
    precision: Literal["float32", "mixed_float16", "mixed_bfloat16"] = config_field(
        "float32",
        "What the network computes in; the mixed ones are faster on GPUs with tensor cores, and "
        "keep weights and predictions in float32.",
    )
    devices: PositiveInt | Literal["all"] = config_field(
        1,
        "How many GPUs of this machine compute features, and share each batch where backbone "
        "layers train or there is no backbone; `all`: every one. Without a GPU, processors count.",
    )
    seed: Seed = config_field(0, "Fixes everything random in the run.")
    feature_cache: FeatureCache = config_field(
        FeatureCache(), "How the outputs of the frozen layers are kept."
    )
    fine_tuning: FineTuning | None = config_field(
        None, "A second phase, in which upper backbone layers train too."
    )
    solver: Solver | None = config_field(
        None,
        "`null`: gradient descent. Otherwise the last `Dense` is solved in closed form, where "
        "nothing else of the top trains; epochs, optimizer and callbacks are not used.",
    )
    calibration: Literal["temperature"] | None = config_field(
        None,
        "`temperature`: after training, one number that the last `Dense` is divided by, so that "
        "probabilities fit the validation images; the predicted classes stay the same.",
    )
    folds: Annotated[int, "integer above 1"] | None = config_field(
        None,
        "Stratified cross-validation of the top over the training images in so many folds, before "
        "the top is trained on all of them.",
    )
    tracking: Annotated[Tracking | None, "object or 'mlflow' or 'tensorboard' or null"] = (
        config_field(None, "Where the run is recorded besides its directory: a name, or an object.")
    )

    @property
    def frozen_precision(self) -> str:
        """What the frozen layers compute in, and are stored in: the name of a dtype."""
        return self.feature_cache.precision or self.precision.removeprefix("mixed_")
