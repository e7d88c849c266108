"""Measure which backbone, size, layer and pooling tell the classes apart best."""

import logging
from collections.abc import Iterator
from dataclasses import replace

from framework.config import Config
from framework.config.catalog import find_entry
from framework.data.splits import split_dataset
from framework.models.builder import assemble_backbone
from framework.probing.backbone_probe import (
    VALIDATION_SHARE,
    measure_layers,
    sample_images,
)
from framework.probing.candidates import choose_layers
from framework.probing.linear_probe import ALL
from framework.probing.probe_rows import ProbeRow, find_best
from framework.proposal.image_survey import ImageSurvey
from framework.proposal.machine import Machine
from framework.proposal.network_choice import SIZES, Network
from framework.utils.fallbacks import Fallback

logger = logging.getLogger(__name__)

IMAGES = 1200
"""The most images of training and validation together."""

MOST_BACKBONES = 2


def measure_network(
    config: Config, survey: ImageSurvey, machine: Machine, proposed: Network
) -> Network:
    """Probe backbones at the proposed size and the next smaller and larger ones.

    Args:
        config: What was proposed.
        survey: The images.
        machine: Its cached backbones are measured, too.
        proposed: What the rules chose.

    Returns:
        The network of the highest validation accuracy; of those within one standard error, and
        then within one of the lowest loss, the one with the smallest layer.

    Raises:
        RunError: Data or weights can't be loaded, or there is no room for the features.
    """
    names = survey.dataset.class_names
    measured: list[tuple[ProbeRow, int, str]] = []
    for backbone, size in _list_candidates(machine, proposed):
        rows, fallback = _measure(config, survey, backbone, size)
        best = find_best(rows)
        measured.append((best, size, _describe_weights(fallback)))
        logger.info("")
    chosen = find_best([row for row, _, _ in measured])
    best, size, weights = next(each for each in measured if each[0] is chosen)
    count = len(best.losses)
    others = ", ".join(
        f"{row.backbone} at {side}: {row.validation_accuracy:.2%} ({row.layer})"
        for row, side, _ in measured
        if row is not best
    )
    result = f"{best.validation_accuracy:.2%} of {count:,} validation images are right"
    return Network(
        best.backbone,
        f"Measured {weights}, by a linear classifier: {result}. {others or 'No other'}.",
        size,
        f"Measured, with {best.backbone}: {result}.",
        best.output.make_top(best.pooling),
        f"Measured: of its layers {best.layer} ({best.pooling}, {best.features:,} numbers) is the "
        f"smallest of the best. `classes` stands for their number, {len(names)}.",
        proposed.feature_seconds,
    )


def _list_candidates(machine: Machine, proposed: Network) -> Iterator[tuple[str, int]]:
    place = SIZES.index(proposed.size)
    backbones = [proposed.name, *(name for name in machine.cached if name != proposed.name)]
    for backbone in backbones[:MOST_BACKBONES]:
        for size in sorted(SIZES[max(0, place - 1) : place + 2]):
            if size >= find_entry("backbones", backbone)["smallest_image"]:
                yield backbone, size


def _measure(
    config: Config, survey: ImageSurvey, backbone: str, size: int
) -> tuple[list[ProbeRow], Fallback | None]:
    shape = replace(config.data_config.image_shape, image_rows=size, image_columns=size)
    config = replace(
        config,
        data_config=replace(config.data_config, image_shape=shape),
        model_configuration=replace(config.model_configuration, model_name=backbone),
    )
    seed = config.training_config.seed
    splits = split_dataset(survey.dataset, config.data_config, seed)
    limit = max(IMAGES, round(survey.classes / VALIDATION_SHARE) + 1)
    images = sample_images(splits, survey.classes, limit, seed)
    logger.info("%s at %dx%d", backbone, size, size)
    built, fallback = assemble_backbone(config)
    layers = choose_layers(built, backbone, "auto", ())
    rows = measure_layers(config, built, layers, (ALL,), images, survey.dataset.class_names)
    return rows, fallback


def _describe_weights(fallback: Fallback | None) -> str:
    return "with ImageNet weights" if fallback is None else f"with {fallback.used} weights"
