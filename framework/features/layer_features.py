"""Features of many layers of a backbone: computed in one pass, stored for each layer."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

import keras
import numpy as np
from tqdm import tqdm

from framework.config.model import FeatureCache
from framework.data.images import Images
from framework.errors import RunError
from framework.features.executors import LocalExecutor
from framework.features.extractor import Extractor
from framework.features.pipeline import find_entry, open_entry, plan_storage
from framework.features.store import FeatureStore, find_directory
from framework.features.store_entry import StoreEntry

WAITING_CHUNKS = 4
"""Chunks that wait to be written while others are computed."""


@dataclass(frozen=True)
class LayerFeatures:
    """The stored features of some layers.

    Args:
        entries: Layer and split -> where its features are.
        store: Keeps the entries from being removed meanwhile.
    """

    entries: Mapping[tuple[str, str], StoreEntry]
    store: FeatureStore

    def read(self, layer: str, split: str) -> list[np.ndarray]:
        """Read all features of a layer, one `(n, ...)` array for each of its tensors."""
        entry = self.entries[layer, split]
        return entry.read(np.arange(entry.images))


def prepare_layers(
    backbone: keras.Model,
    outputs: Mapping[str, Sequence[keras.KerasTensor]],
    splits: Mapping[str, Images],
    settings: FeatureCache,
    shared: bool,
) -> LayerFeatures:
    """Compute what is not stored yet, all layers in one pass over the images.

    Args:
        backbone: From images to features.
        outputs: Layer -> its tensors that are wanted.
        splits: The images, by names for the console.
        settings: Where to store.
        shared: Whether a run that cuts its classifier at one of the layers may read the
            features. They must then be the same to the last bit, which holds where no tensor
            lies inside what TensorFlow computes as one operation.

    Raises:
        RunError: The store has no room or can't be written, or an image can't be read.
    """
    store = FeatureStore(find_directory(settings), settings.limit_gb)
    everything = [tensor for tensors in outputs.values() for tensor in tensors]
    extractor = Extractor(keras.Model(backbone.input, everything, name="layers"))
    entries: dict[tuple[str, str], StoreEntry] = {}
    for layer, tensors in outputs.items():
        alone = Extractor(keras.Model(backbone.input, list(tensors), name="layer"))
        together = {"layers": list(outputs), "batch": extractor.batch_size}
        differs = not shared or alone.batch_size != extractor.batch_size
        for split, images in splits.items():
            entries[layer, split] = find_entry(
                store, alone, [layer], images, computed_with=together if differs else None
            )
    passes = [[entries[layer, split] for layer in outputs] for split in splits]
    what = f"{len(outputs)} layers"
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
    """Bring entries of the same images to completeness.

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
        missing = [set(open_entry(store, entry)) for entry in entries]
        chunks = [
            entry.chunk_positions(chunk)
            for entry, numbers in zip(entries, missing, strict=True)
            for chunk in numbers
        ]
        positions = np.unique(np.concatenate([np.arange(0), *chunks]))
        if not len(positions):
            return
        bar = stack.enter_context(
            tqdm(total=len(positions), desc=f"features ({title})", unit=" images", leave=False)
        )
        writer = stack.enter_context(ThreadPoolExecutor(1))
        writers = [
            _ChunkWriter(entry, numbers) for entry, numbers in zip(entries, missing, strict=True)
        ]
        waiting: deque[Future[None]] = deque()
        first = 0
        for block in extractor.stream(images, positions, 0):
            place = positions[first : first + len(block[0])]
            first += len(place)
            arrays = iter(block)
            for chunk_writer in writers:
                given = [next(arrays) for _ in chunk_writer.entry.specs]
                for chunk, parts in chunk_writer.add(place, given):
                    waiting.append(writer.submit(chunk_writer.entry.write_chunk, chunk, parts))
            while len(waiting) > WAITING_CHUNKS:
                waiting.popleft().result()
            bar.update(len(place))
        for last in waiting:
            last.result()


class _ChunkWriter:
    """Gathers the batches of an entry until a chunk is complete.

    Args:
        entry: Where the chunks go.
        missing: The chunks that are wanted.
    """

    def __init__(self, entry: StoreEntry, missing: set[int]) -> None:
        self.entry = entry
        self._missing = missing
        self._parts: list[list[np.ndarray]] = []

    def add(
        self, positions: np.ndarray, arrays: Sequence[np.ndarray]
    ) -> list[tuple[int, list[np.ndarray]]]:
        """Take a batch, which lies in one chunk, and return the chunk it completes, if any."""
        chunk = int(positions[0]) // self.entry.chunk_images
        if chunk not in self._missing:
            return []
        self._parts.append(list(arrays))
        wanted = self.entry.chunk_positions(chunk)
        if positions[-1] != wanted[-1]:
            return []
        parts, self._parts = self._parts, []
        return [(chunk, [np.concatenate(rows) for rows in zip(*parts, strict=True)])]
