"""A whole probe: from a config to the best layer, and a config that reads it."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from framework.config import Config, catalog
from framework.config.catalog import IMAGENET
from framework.config.keras_file import KerasFileError, is_keras_file, read_keras_file
from framework.config.suggestions import format_hint
from framework.data.registry import load_dataset
from framework.data.splits import split_dataset
from framework.errors import RunError, UsageError
from framework.hub.presets import is_hub
from framework.probing.backbone_probe import ProbeSettings, probe_backbone, sample_images
from framework.probing.best_config import switch_backbone
from framework.probing.probe_results import Probe, write_results
from framework.runs import run_directory
from framework.runs.manifest import name_weights
from framework.utils.precision import use_precision

logger = logging.getLogger(__name__)


def run_probe(
    config: Config, config_stem: str, settings: ProbeSettings, output: Path | None = None
) -> Probe:
    """Run a probe in a new directory.

    Args:
        config: Names images, backbone and weights, and the top to compare with.
        config_stem: Name of the config file without its ending.
        settings: What to probe.
        output: The directory; by default `results/<config stem>-probe/<time>`.

    Raises:
        UsageError: There is no such layer or backbone, or there are too few images.
        RunError: Data or weights can't be loaded, or a file can't be written.
    """
    configs = list_configs(config, settings.backbones)
    directory = run_directory.create_run(f"{config_stem}-probe", output)
    with run_directory.fill_directory(directory), use_precision(config.training_config.precision):
        dataset, fallback = load_dataset(config.data_config.dataset)
        seed = config.training_config.seed
        splits = split_dataset(dataset, config.data_config, seed)
        images = sample_images(splits, len(dataset.class_names), settings.images, seed)
        logger.info(
            "%s: %d classes, %s training and %s validation images",
            dataset.title,
            len(dataset.class_names),
            f"{len(images['training']):,}",
            f"{len(images['validation']):,}",
        )
        backbones = [
            probe_backbone(each, settings, images, dataset.class_names) for each in configs
        ]
        names = [
            f"{backbone.name} ({name_weights(each, backbone.fallback)})"
            for each, backbone in zip(configs, backbones, strict=True)
        ]
        fallbacks = [fallback, *(backbone.fallback for backbone in backbones)]
        result = Probe(
            directory=directory,
            config=config,
            subject=f"{', '.join(names)} on {dataset.title}",
            images=images,
            backbones=backbones,
            fallbacks=[each for each in fallbacks if each],
        )
        write_results(result)
    return result


def list_configs(config: Config, backbones: Sequence[str]) -> list[Config]:
    """Return a config for each backbone to probe; by default the config itself.

    Raises:
        UsageError: There is no such backbone, or the config's settings fit its own alone.
    """
    model = config.model_configuration
    if model.model_name == catalog.NO_BACKBONE:
        raise UsageError(
            "model_configuration.model_name is 'none': without a frozen backbone there are no "
            "layers to choose from. Name a backbone, or probe others with --backbones."
            if not backbones
            else "--backbones: the config has no backbone, so there is no top to compare with. "
            "Name one in model_configuration.model_name."
        )
    return [_replace_backbone(config, name) for name in backbones or [model.model_name]]


def _replace_backbone(config: Config, name: str) -> Config:
    """Return a config with another backbone, and its weights located."""
    model = config.model_configuration
    _check_backbone(name, config.data_config.image_shape.as_tuple)
    if name != model.model_name:
        if model.weights.name not in (None, IMAGENET, model.model_name):
            raise UsageError(
                f"--backbones: the weights {model.weights.name} are of {model.model_name}. Set "
                f"model_configuration.weights to imagenet, or probe that backbone alone."
            )
        model = switch_backbone(model, name)
    return replace(config, model_configuration=run_directory.locate_weights(model))


def _check_backbone(name: str, shape: tuple[int, int, int]) -> None:
    """Raise a `UsageError` if there is no such backbone, or it takes no images of that shape."""
    if is_keras_file(name):
        try:
            sides = read_keras_file(name).image_shape
        except KerasFileError as error:
            raise UsageError(f"--backbones: {error}.") from error
        if any(side not in (None, found) for side, found in zip(sides, shape, strict=True)):
            raise UsageError(
                f"--backbones: {name} takes images of shape {sides}. Set data_config.image_shape "
                "with --set."
            )
        return
    if is_hub(name):
        try:
            catalog.load_backbone_layers(name)
        except RunError as error:
            raise UsageError(f"--backbones: {error}") from error
        return
    known = catalog.list_names("backbones")
    if name not in known:
        hint = format_hint(name, known, "See: python run.py list backbones")
        raise UsageError(f"--backbones: there is no backbone {name!r}. {hint}")
    smallest = catalog.find_smallest_image(name)
    if min(shape[:2]) < smallest:
        raise UsageError(
            f"--backbones: {name} takes no images smaller than {smallest}x{smallest}. Set "
            f"data_config.image_shape with --set."
        )
