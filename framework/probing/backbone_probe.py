"""The layers of a backbone, measured on the images that a config trains and validates on."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

import numpy as np
from tqdm import tqdm

from framework.config import Config
from framework.data.images import Images
from framework.data.splits import Splits
from framework.errors import RunError, UsageError
from framework.features.layer_features import LayerFeatures, prepare_layers
from framework.models.builder import assemble_backbone
from framework.probing.candidates import choose_layers, find_cut_points, find_own_layers
from framework.probing.linear_probe import ALL, LinearProbe, draw_shots
from framework.probing.pooling import LayerOutput, describe_output
from framework.probing.probe_table import Row
from framework.training.objectives import weigh_classes
from framework.utils.fallbacks import Fallback

DEFAULT_IMAGES = 3000
DEFAULT_SHOTS: tuple[int | str, ...] = (5, 10, 100, ALL)

VALIDATION_SHARE = 1 / 3
"""Of the images of a probe, at most so many are validated on."""


@dataclass(frozen=True)
class ProbeSettings:
    """What to probe.

    Args:
        layers: `"auto"`, `"all"` or names; see `framework.probing.candidates.choose_layers`.
        images: Images at most, of training and validation together.
        shots: Numbers of images a class, and `"all"`.
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
        outputs: The layers, from the image up.
        own: Those that the config's own top reads.
        fallback: Used in place of its weights, if they could not be loaded.
    """

    name: str
    outputs: Sequence[LayerOutput]
    own: Sequence[str]
    fallback: Fallback | None


@dataclass(frozen=True)
class Subjects:
    """The images of a probe.

    Args:
        training: What linear classifiers learn from.
        validation: What they are measured on, and what chooses their strength.
        class_names: The name of each label.
    """

    training: Images
    validation: Images
    class_names: tuple[str, ...]

    def by_name(self) -> dict[str, Images]:
        """Return the images under the names of their splits."""
        return {"training": self.training, "validation": self.validation}


def probe_backbone(
    config: Config,
    settings: ProbeSettings,
    subjects: Subjects,
    announce: Callable[[LayerOutput, Sequence[Row]], object],
) -> ProbedBackbone:
    """Measure the layers of a config's backbone.

    Args:
        config: Names backbone, weights, seed and store.
        settings: Which layers, and how many images a class.
        subjects: The images.
        announce: Is given the rows of a layer and a pooling as soon as they are measured.

    Raises:
        UsageError: There is no such layer, or no class has so many images.
        RunError: Weights or images can't be had, or there is no room for the features.
    """
    model_name = config.model_configuration.model_name
    training = config.training_config
    backbone, fallback = assemble_backbone(config)
    own = find_own_layers(config, backbone)
    names = choose_layers(backbone, model_name, settings.layers, own)
    outputs = [describe_output(backbone, name) for name in names]
    labels = subjects.training.labels
    probe = LinearProbe(
        labels,
        subjects.validation.labels,
        len(subjects.class_names),
        weigh_classes(training, labels, subjects.class_names),
        draw_shots(labels, settings.shots, training.seed),
    )
    with ExitStack() as stack:
        cache = training.feature_cache
        if cache.mode == "off":
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            cache = replace(cache, mode="auto", directory=folder)
        features = prepare_layers(
            backbone,
            {output.name: output.tensors for output in outputs},
            subjects.by_name(),
            cache,
            shared=set(names) <= set(find_cut_points(backbone)),
        )
        for output in tqdm(outputs, desc="solving", unit=" layers", leave=False):
            for rows in _measure_layer(model_name, output, features, probe):
                announce(output, rows)
    return ProbedBackbone(model_name, outputs, own, fallback)


def _measure_layer(
    model_name: str, output: LayerOutput, features: LayerFeatures, probe: LinearProbe
) -> Iterator[list[Row]]:
    arrays = [features.read(output.name, split) for split in ("training", "validation")]
    for pooling in output.poolings:
        training, validation = (output.arrange(given, pooling) for given in arrays)
        try:
            accuracies = probe.measure(training, validation)
        except RunError as error:
            raise RunError(f"{model_name}: {output.name} {error}") from error
        yield [
            Row(
                backbone=model_name,
                layer=output.name,
                pooling=pooling,
                features=training.shape[1],
                shots=shots,
                validation_accuracy=round(accuracy.mean, 6),
                low=round(accuracy.low, 6),
                high=round(accuracy.high, 6),
                seconds=round(accuracy.seconds, 3),
                layer_size=math.prod(output.shape),
                losses=accuracy.losses,
            )
            for shots, accuracy in accuracies.items()
        ]


def draw_subjects(splits: Splits, class_names: tuple[str, ...], images: int, seed: int) -> Subjects:
    """Draw the images of a probe from those that a run trains and validates on.

    Args:
        splits: Of the run. Where they have no more images than wanted, all are taken, and the
            run finds their features in the store.
        class_names: The name of each label.
        images: How many at most.
        seed: Fixes the draw, which is stratified by class.

    Raises:
        UsageError: So few images can't hold one of each class.
    """
    training, validation = splits.training, splits.validation
    if len(training) + len(validation) > images:
        held_out = min(len(validation), round(images * VALIDATION_SHARE))
        kept = min(len(training), images - held_out)
        if min(kept, held_out) < len(class_names):
            least = math.ceil(len(class_names) / VALIDATION_SHARE)
            raise UsageError(
                f"--images: expected at least {least}, so that an image of each of the "
                f"{len(class_names)} classes is trained on and one validated on. Found {images}."
            )
        training = _draw(training, kept, seed)
        validation = _draw(validation, held_out, seed)
    return Subjects(replace(training, augmentation=None), validation, class_names)


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
