"""The probe of one backbone: its layers, measured on the images that a config trains on."""

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

import keras
import numpy as np
from tqdm import tqdm

from framework.config import Config
from framework.data.images import Images
from framework.data.splits import Splits
from framework.errors import RunError, UsageError
from framework.features.layer_features import LayerFeatures, enable_store, prepare_layers
from framework.models.builder import assemble_backbone
from framework.probing.candidates import choose_layers, find_own_layers, find_split_points
from framework.probing.linear_probe import ALL, LinearProbe, draw_shots
from framework.probing.pooling import LayerOutput, describe_output
from framework.probing.probe_rows import ProbeRow, format_heading, format_line
from framework.training.objectives import weigh_classes
from framework.utils.fallbacks import Fallback

logger = logging.getLogger(__name__)

DEFAULT_IMAGES = 3000
DEFAULT_SHOTS: tuple[int | str, ...] = (5, 10, 100, ALL)

VALIDATION_SHARE = 1 / 3
"""The largest share of the images of a probe that are validated on."""


@dataclass(frozen=True)
class ProbeSettings:
    """What to probe.

    Args:
        layers: `"auto"`, `"all"` or names; see `framework.probing.candidates.choose_layers`.
        images: The most images of training and validation together.
        shots: Numbers of training images per class, and `"all"`.
        backbones: Keras Applications; none: the config's own.
    """

    layers: str | Sequence[str] = "auto"
    images: int = DEFAULT_IMAGES
    shots: Sequence[int | str] = DEFAULT_SHOTS
    backbones: Sequence[str] = ()


@dataclass(frozen=True)
class ProbedBackbone:
    """A backbone whose layers have been measured.

    Args:
        name: A Keras Application.
        layers: Names of the layers, from the input up.
        own_layers: Those that the config's own top reads.
        fallback: Used in place of its weights, if they could not be loaded.
        rows: The measurements.
    """

    name: str
    layers: Sequence[str]
    own_layers: Sequence[str]
    fallback: Fallback | None
    rows: Sequence[ProbeRow]


def probe_backbone(
    config: Config,
    settings: ProbeSettings,
    images: Mapping[str, Images],
    class_names: tuple[str, ...],
) -> ProbedBackbone:
    """Measure the layers of a config's backbone, and log each as soon as it is measured.

    Args:
        config: Names backbone, weights, seed and store.
        settings: Which layers, and how many images per class.
        images: `training` and `validation`.
        class_names: The name of each label.

    Raises:
        UsageError: There is no such layer, or no class has so many images.
        RunError: Weights or images can't be loaded, or there is no room for the features.
    """
    model_name = config.model_configuration.model_name
    backbone, fallback = assemble_backbone(config)
    own = find_own_layers(config, backbone)
    names = choose_layers(backbone, model_name, settings.layers, own)
    rows = measure_layers(config, backbone, names, settings.shots, images, class_names)
    return ProbedBackbone(model_name, names, own, fallback, rows)


def measure_layers(
    config: Config,
    backbone: keras.Model,
    names: Sequence[str],
    shots: Sequence[int | str],
    images: Mapping[str, Images],
    class_names: tuple[str, ...],
) -> list[ProbeRow]:
    """Measure some layers of a backbone; see `probe_backbone`."""
    model_name, training = config.model_configuration.model_name, config.training_config
    outputs = [describe_output(backbone, name) for name in names]
    labels = images["training"].labels
    draws = draw_shots(labels, shots, training.seed)
    weights = weigh_classes(training, labels, class_names)
    probe = LinearProbe(labels, images["validation"].labels, len(class_names), weights, draws)
    rows: list[ProbeRow] = []
    with ExitStack() as stack:
        training = enable_store(training, stack)
        features = prepare_layers(
            backbone,
            {output.name: output.tensors for output in outputs},
            images,
            training,
            shared=set(names) <= set(find_split_points(backbone)),
        )
        width = max(22, *map(len, names))
        logger.info("")
        logger.info("%s: validation accuracy in percent, by training images per class", model_name)
        logger.info("%s", format_heading(width, list(draws)))
        for output in tqdm(outputs, desc="solving", unit=" layers", leave=False):
            for measured in _measure_layer(model_name, output, features, probe):
                logger.info("%s", format_line(measured, width))
                rows += measured
    return rows


def _measure_layer(
    model_name: str, output: LayerOutput, features: LayerFeatures, probe: LinearProbe
) -> Iterator[list[ProbeRow]]:
    arrays = [features.read(output.name, split) for split in ("training", "validation")]
    for pooling in output.poolings:
        training, validation = (output.pool(computed, pooling) for computed in arrays)
        try:
            accuracies = probe.measure(training, validation)
        except RunError as error:
            raise RunError(f"{model_name}: {output.name} {error}") from error
        yield [
            ProbeRow(
                backbone=model_name,
                layer=output.name,
                pooling=pooling,
                features=training.shape[1],
                shots=shots,
                validation_accuracy=round(accuracy.mean, 6),
                low=round(accuracy.low, 6),
                high=round(accuracy.high, 6),
                seconds=round(accuracy.seconds, 3),
                output=output,
                losses=accuracy.losses,
            )
            for shots, accuracy in accuracies.items()
        ]


def sample_images(splits: Splits, classes: int, limit: int, seed: int) -> dict[str, Images]:
    """Draw the images of a probe from those that a run trains and validates on.

    Args:
        splits: Of the run. If they have at most `limit` images, all are taken, and the run finds
            their features in the store.
        classes: The number of classes.
        limit: The most images.
        seed: Of the draw, which is stratified by class.

    Returns:
        The `training` and `validation` images, not augmented.

    Raises:
        UsageError: So few images can't include one of each class.
    """
    training, validation = splits.training, splits.validation
    if len(training) + len(validation) > limit:
        held_out = min(len(validation), round(limit * VALIDATION_SHARE))
        kept = min(len(training), limit - held_out)
        if min(kept, held_out) < classes:
            least = math.ceil(classes / VALIDATION_SHARE)
            raise UsageError(
                f"--images: expected at least {least}, so that an image of each of the "
                f"{classes} classes is trained on and one validated on. Found {limit}."
            )
        training = _draw(training, kept, seed)
        validation = _draw(validation, held_out, seed)
    return {"training": replace(training, augmentation=None), "validation": validation}


def _draw(images: Images, count: int, seed: int) -> Images:
    """Draw images stratified by class, at least one of each."""
    labels = images.labels
    order = np.random.default_rng([seed, count]).permutation(len(labels))
    rank = np.empty(len(labels))  # The share of its class that is drawn before an image.
    for label in np.unique(labels):
        members = order[labels[order] == label]
        rank[members] = np.arange(len(members)) / len(members)
    chosen = order[np.argsort(rank[order], kind="stable")[:count]]
    return replace(images, indices=images.indices[np.sort(chosen)])
