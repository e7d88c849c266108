"""Features of many layers of a backbone, computed in one pass and stored per layer."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial

import keras
import numpy as np
from tqdm import tqdm

from framework.config.model import TrainingConfig
from framework.data.images import Images
from framework.errors import RunError
from framework.features.executors import LocalExecutor
from framework.features.extractor import Extractor
from framework.features.half_precision import compare_precisions, convert_model
from framework.features.pipeline import find_entry, open_entry, plan_storage
from framework.features.store import FeatureStore, find_directory
from framework.features.store_entry import StoreEntry, find_missing_positions
from framework.utils.bounded_map import bounded_map

WAITING_CHUNKS = 4
"""How many chunks may wait to be written while others are computed."""


@dataclass(frozen=True)
class LayerFeatures:
    """The stored features of some layers.

    Args:
        entries: Layer and split -> its features.
        store: Where the entries are; they can't be removed while it lives.
    """

    entries: Mapping[tuple[str, str], StoreEntry]
    store: FeatureStore

    def read(self, layer: str, split: str) -> list[np.ndarray]:
        """Read all features of a layer, one `(n, ...)` array for each of its tensors."""
        entry = self.entries[layer, split]
        return entry.read(np.arange(entry.images))


def enable_store(settings: TrainingConfig, stack: ExitStack) -> TrainingConfig:
    """Return settings that store features: those of `mode: off` in a directory that vanishes.

    Args:
        settings: The config's.
        stack: Removes the directory at its end.
    """
    cache = settings.feature_cache
    if cache.mode == "auto":
        return settings
    directory = stack.enter_context(tempfile.TemporaryDirectory())
    return replace(settings, feature_cache=replace(cache, mode="auto", directory=directory))


def prepare_layers(
    backbone: keras.Model,
    outputs: Mapping[str, Sequence[keras.KerasTensor]],
    splits: Mapping[str, Images],
    settings: TrainingConfig,
    shared: bool,
) -> LayerFeatures:
    """Compute the features that are not stored yet, all layers in one pass over the images.

    Args:
        backbone: From images to features.
        outputs: Layer -> its tensors that are wanted.
        splits: The images, by names for the console.
        settings: Where to store, and in what precision.
        shared: Whether a run that splits its classifier at one of the layers may read the
            features. They must then be bit-identical, which holds where no tensor lies inside
            what TensorFlow computes as one operation.

    Raises:
        RunError: The store has no room or can't be written, or an image can't be read.
    """
    cache = settings.feature_cache
    store = FeatureStore(find_directory(cache), cache.limit_gb)
    everything = [tensor for tensors in outputs.values() for tensor in tensors]
    model = keras.Model(backbone.input, everything, name="layers")
    extractor = Extractor(convert_model(model, settings.frozen_precision))
    entries: dict[tuple[str, str], StoreEntry] = {}
    for layer, tensors in outputs.items():
        layer_model = keras.Model(backbone.input, list(tensors), name="layers")
        converted = convert_model(layer_model, settings.frozen_precision)
        alone = Extractor(converted, name=backbone.name)
        together = {"layers": list(outputs), "batch": extractor.batch_size}
        differs = not shared or alone.batch_size != extractor.batch_size
        for split, images in splits.items():
            entries[layer, split] = find_entry(
                store, alone, [layer], images, computed_with=together if differs else None
            )
    passes = [[entries[layer, split] for layer in outputs] for split in splits]
    what = f"{len(outputs)} layers"
    if any(entry.find_missing() for entry in entries.values()):
        compare_precisions(model, extractor)
    if not plan_storage(store, LocalExecutor(extractor), what, passes):
        raise RunError(
            "The features have no room. Probe fewer images with --images or fewer layers with "
            "--layers, raise training_config.feature_cache.limit_gb, or choose another "
            "training_config.feature_cache.directory."
        )
    for (split, images), group in zip(splits.items(), passes, strict=True):
        _fill_together(store, group, extractor, images, split)
    return LayerFeatures(entries, store)


def _fill_together(
    store: FeatureStore,
    entries: Sequence[StoreEntry],
    extractor: Extractor,
    images: Images,
    title: str,
) -> None:
    """Compute and write all missing chunks of entries of the same images.

    Args:
        store: Of the entries.
        entries: In the order of the extractor's tensors.
        extractor: Computes all of them.
        images: What they are computed from.
        title: The split, for the progress bar.
    """
    with ExitStack() as stack:
        for key in sorted({entry.key for entry in entries}):  # In one order: no deadlock.
            stack.enter_context(store.lock(key))
        writers = [_ChunkWriter(entry, set(open_entry(store, entry))) for entry in entries]
        positions = find_missing_positions(entries)
        if not len(positions):
            return
        bar = stack.enter_context(
            tqdm(total=len(positions), desc=f"features ({title})", unit=" images", leave=False)
        )

        def list_chunks() -> Iterator[Callable[[], None]]:
            first = 0
            for block in extractor.stream(images, positions, 0):
                computed = positions[first : first + len(block[0])]
                first += len(computed)
                arrays = iter(block)
                for writer in writers:
                    yield from writer.add(computed, [next(arrays) for _ in writer.entry.specs])
                bar.update(len(computed))

        for _ in bounded_map(lambda write: write(), list_chunks(), WAITING_CHUNKS, workers=1):
            pass


class _ChunkWriter:
    """Collects the batches of an entry until a chunk is complete.

    Args:
        entry: Where the chunks are written.
        missing: The chunks that are wanted.
    """

    def __init__(self, entry: StoreEntry, missing: set[int]) -> None:
        self.entry = entry
        self._missing = missing
        self._batches: list[list[np.ndarray]] = []

    def add(self, positions: np.ndarray, arrays: list[np.ndarray]) -> Iterator[Callable[[], None]]:
        """Take a batch, which lies in one chunk, and yield what writes a completed chunk."""
        chunk = int(positions[0]) // self.entry.chunk_images
        if chunk not in self._missing:
            return
        self._batches.append(arrays)
        if positions[-1] == self.entry.chunk_positions(chunk)[-1]:
            parts = [np.concatenate(blocks) for blocks in zip(*self._batches, strict=True)]
            self._batches = []
            yield partial(self.entry.write_chunk, chunk, parts)
