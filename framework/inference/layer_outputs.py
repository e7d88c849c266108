"""The outputs of one layer of a backbone for image files, in one `.npz` file."""

import logging
import tempfile
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
from tqdm import tqdm

from framework.config import Config, catalog
from framework.config.model import Resize
from framework.config.suggestions import format_hint
from framework.data.image_files import format_path, read_image
from framework.data.images import match_channels, prepare_image
from framework.errors import RunError, UsageError
from framework.features.extractor import Extractor
from framework.inference.image_batches import stream_batches
from framework.inference.trained_network import TrainedNetwork
from framework.models.builder import assemble_backbone
from framework.runs.manifest import name_weights
from framework.runs.run_directory import locate_weights
from framework.utils.fallbacks import Fallback
from framework.utils.files import write_atomically
from framework.utils.precision import use_precision

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LayerExtractor:
    """A network up to one of its layers.

    Args:
        model: From images `(n, rows, columns, channels)` float32 in [0, 255] to the layer's output.
        layer: The name of the layer.
        resize: How images are brought to the size of the input.
        weights: Which weights they are, for people.
        substitutions: A sentence for each thing that was used in place of another.
    """

    model: keras.Model
    layer: str
    resize: Resize
    weights: str
    substitutions: tuple[str, ...] = ()


def build_extractor(config: Config, layer_name: str, size: int | None = None) -> LayerExtractor:
    """Build a config's backbone up to one of its layers, with its weights.

    Args:
        config: Names the backbone, its weights and the size of its images.
        layer_name: The layer whose output is wanted.
        size: Pixels of the side of square images; by default the config's `image_shape`.

    Raises:
        UsageError: The backbone has no such layer, or does not take images of that size.
        RunError: The weights can't be loaded.
    """
    model_name = config.model_configuration.model_name
    names = catalog.load_backbone_layers(model_name)
    if not names:
        raise UsageError("--config: it names no backbone, so there is no layer to take.")
    _check_layer(layer_name, model_name, names)
    smallest = catalog.find_smallest_image(model_name)
    if size is not None and size < smallest:
        raise UsageError(
            f"--size: expected at least {smallest}: {model_name} takes no smaller images. "
            f"Found {size}."
        )
    located = replace(config, model_configuration=locate_weights(config.model_configuration))
    with use_precision(config.training_config.precision):
        backbone, fallback = assemble_backbone(located, (size, size) if size else None)
        model = keras.Model(backbone.input, [backbone.get_layer(layer_name).output])
    substitutions = (fallback.describe(),) if fallback else ()
    weights = name_weights(located, fallback)
    return LayerExtractor(model, layer_name, config.data_config.resize, weights, substitutions)


def take_layer(trained: TrainedNetwork, layer_name: str) -> LayerExtractor:
    """Return a trained network up to one of its layers, with the weights that it was trained to.

    Raises:
        UsageError: It has no such layer.
    """
    network = trained.classifier.model
    _check_layer(layer_name, str(trained.run), [layer.name for layer in network.layers])
    substitutions = [
        Fallback(**each).describe() for each in trained.environment.get("substitutions", ())
    ]
    return LayerExtractor(
        keras.Model(network.input, [network.get_layer(layer_name).output]),
        layer_name,
        trained.config.data_config.resize,
        f"those of the run {trained.run}",
        tuple(substitutions),
    )


def _check_layer(name: str, of: str, names: Collection[str]) -> None:
    if name not in names:
        hint = format_hint(name, names, f"It has: {', '.join(names)}.")
        raise UsageError(f"--layer: {of} has no layer {name!r}. {hint}")


def write_features(extractor: LayerExtractor, files: Sequence[Path], output: Path) -> int:
    """Compute the features of image files, and write each batch to the disk at once.

    The file holds `features` `(n, ...)` float32, and as texts `paths` `(n,)`, `layer`, `weights`
    and `substitutions` `(k,)`; it opens without pickle. Files that can't be read are left out, with
    a warning.

    Returns:
        How many files could not be read.

    Raises:
        RunError: None of them could, or `output` can't be written.
    """
    shape = (len(files), *extractor.model.outputs[0].shape[1:])
    paths: list[str] = []
    with (
        write_atomically(output) as unfinished,
        # Beside the output, which needs the space for them anyway.
        tempfile.TemporaryFile(dir=output.parent) as scratch,
    ):
        features = np.memmap(scratch, "float32", "w+", shape=shape)
        for path, row in _stream_features(extractor, files):
            features[len(paths)] = row
            paths.append(path)
        if not paths:
            raise RunError("None of the pictures could be read.")
        np.savez(
            unfinished,
            allow_pickle=False,
            features=features[: len(paths)],
            paths=np.array(paths),
            layer=np.array(extractor.layer),
            weights=np.array(extractor.weights),
            substitutions=np.array(extractor.substitutions, dtype=str),
        )
    return len(files) - len(paths)


def _stream_features(
    layer: LayerExtractor, files: Sequence[Path]
) -> Iterator[tuple[str, np.ndarray]]:
    shape = tuple(layer.model.input_shape[1:])
    extractor = Extractor(layer.model)
    batches = stream_batches(
        files,
        lambda file: prepare_image(read_image(file), shape, layer.resize),
        extractor.batch_size,
    )
    with tqdm(total=len(files), unit=" images", disable=None) as progress:
        for batch in batches:
            paths, images = [], []
            for file, outcome in batch:
                if isinstance(outcome, RunError):
                    logger.warning("%s", outcome)
                else:
                    paths.append(format_path(file))
                    images.append(match_channels(outcome[np.newaxis], shape[-1]))
            if paths:
                rows = extractor.compute(np.concatenate(images).astype(np.float32))[0]
                yield from zip(paths, rows, strict=True)
            progress.update(len(batch))
