"""Prepares the features of images: stores what is missing, or leaves it to be computed."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf
from tqdm import tqdm

from framework.config.model import TrainingConfig
from framework.data.images import Images
from framework.distributed.cluster import Cluster
from framework.errors import RunError
from framework.features.executors import Executor, LocalExecutor
from framework.features.extractor import Extractor
from framework.features.feature_sources import (
    ComputedFeatures,
    Features,
    ImageFeatures,
    StoredFeatures,
)
from framework.features.half_precision import compare_precisions, convert_model
from framework.features.model_split import ModelSplit
from framework.features.ray_executor import RayExecutor
from framework.features.store import FeatureStore, compute_key, find_directory
from framework.features.store_entry import (
    StoreEntry,
    choose_chunk_images,
    count_bytes_per_image,
    find_missing_positions,
)
from framework.utils.environment import count_threads
from framework.utils.text import format_bytes

logger = logging.getLogger(__name__)

FORMAT = 1


@dataclass(frozen=True)
class FeatureRequest:
    """Images whose features are wanted.

    Args:
        images: The images.
        views: Views 0 to `views - 1` are stored; others are computed when read.
    """

    images: Images
    views: int = 1


def prepare_features(
    split: ModelSplit,
    requests: Mapping[str, FeatureRequest],
    settings: TrainingConfig,
    cluster: Cluster | None = None,
    devices: Sequence[str] = (),
) -> dict[str, Features]:
    """Return features; compute those that are not stored yet, after logging what that costs.

    With the same settings the features are the same, whether they come from the
    store or are computed when they are read: the store only saves time.

    Args:
        split: The classifier, split.
        requests: What is needed, by names for the console such as `"training"`.
        settings: Whether and where to store, and in what precision.
        cluster: Computes the features to be stored; this machine alone does if `None`.
        devices: The devices of this machine that compute; by default one.

    Raises:
        RunError: The store can't be written, an image can't be read, or no node is left.
    """
    here = ", on this machine: the Ray cluster has nothing to do" if cluster else ""
    if split.extractor is None:
        logger.info("Nothing is frozen: the whole network runs in every epoch%s.", here)
        return {name: ImageFeatures(request.images) for name, request in requests.items()}
    cache = settings.feature_cache
    frozen = convert_model(split.extractor, settings.frozen_precision)
    extractor = Extractor(frozen, devices, split.name)
    computed = {name: ComputedFeatures(each.images, extractor) for name, each in requests.items()}
    if cache.mode == "off":
        logger.info("The feature cache is off: the frozen part runs in every epoch%s.", here)
        return dict(computed)
    store = FeatureStore(find_directory(cache), cache.limit_gb)
    entries = {
        (name, view): find_entry(store, extractor, split.layers, request.images, view)
        for name, request in requests.items()
        for view in range(request.views)
    }
    executor: Executor = RayExecutor(extractor, cluster) if cluster else LocalExecutor(extractor)
    what = f"Frozen up to {', '.join(split.layers)}"
    passes = [[entry] for entry in {entry.key: entry for entry in entries.values()}.values()]
    if any(entry.find_missing() for entry in entries.values()):
        compare_precisions(split.extractor, extractor)
    if not plan_storage(store, executor, what, passes):
        logger.warning(
            "Nothing is stored, and the frozen part runs in every epoch. Raise "
            "training_config.feature_cache.limit_gb or choose another directory."
        )
        return dict(computed)
    for (name, view), entry in entries.items():
        title = name if requests[name].views == 1 else f"{name}, view {view + 1}"
        _fill(store, entry, executor, requests[name].images, view, title)
    return {
        name: StoredFeatures(
            tuple(entries[name, view] for view in range(request.views)), computed[name], store
        )
        for name, request in requests.items()
    }


def find_entry(
    store: FeatureStore,
    extractor: Extractor,
    layers: Sequence[str],
    images: Images,
    view: int = 0,
    computed_with: Mapping[str, Any] | None = None,
) -> StoreEntry:
    """Return the entry of a view's features, under a key made of everything that decides them.

    Args:
        store: Where the entry is.
        extractor: Computes the features.
        layers: Names of the layers whose outputs they are, for people.
        images: What they are computed from.
        view: Which augmented set; 0 for the images as they are.
        computed_with: What else may decide the last bits; ready for JSON.
    """
    chunk_images = choose_chunk_images(extractor.bytes_per_image, extractor.batch_size)
    key = compute_key(
        {
            "format": FORMAT,
            "images": images.describe(view),
            "extractor": extractor.description,
            "chunk_images": chunk_images,
            # These decide the last bits; releases may, too, but bug-fix releases do not.
            "threads": count_threads(),
            "versions": [
                version.rsplit(".", 1)[0] for version in (keras.__version__, tf.__version__)
            ],
            **(computed_with or {}),
        }
    )
    return StoreEntry(
        directory=store.directory / key,
        description={
            "backbone": extractor.name,
            "data": images.name,
            "layers": list(layers),
            "images": len(images),
            "shapes": [list(spec.shape) for spec in extractor.specs],
            "pixels": images.describe(view),
        },
        images=len(images),
        chunk_images=chunk_images,
        specs=extractor.specs,
    )


def plan_storage(
    store: FeatureStore, executor: Executor, what: str, passes: Sequence[Sequence[StoreEntry]]
) -> bool:
    """Log what will be stored and what it will cost, and return whether there is room.

    Args:
        store: Where the entries are; least recently used ones are removed to make room.
        executor: Computes what is missing.
        what: What the features are of, for people.
        passes: Groups of entries of the same images, each of which one pass fills.
    """
    entries = {entry.key: entry for group in passes for entry in group}
    missing_bytes = sum(
        len(find_missing_positions([entry])) * count_bytes_per_image(entry.specs)
        for entry in entries.values()
    )
    missing = sum(len(find_missing_positions(group)) for group in passes)
    total = sum(group[0].images for group in passes)
    size = format_bytes(sum(entry.bytes for entry in entries.values()))
    logger.info(
        "%s: %s of features an image, computed once and kept in %s.",
        what,
        format_bytes(sum(count_bytes_per_image(entry.specs) for entry in passes[0])),
        store.directory,
    )
    if not store.make_room({key: entry.bytes for key, entry in entries.items()}, missing_bytes):
        logger.warning(
            "The features would take %s, more than the limit (%s) or the disk has room for.",
            size,
            format_bytes(store.limit),
        )
        return False
    if missing == 0:
        logger.info("All %s images (%s) are there already.", f"{total:,}", size)
        return True
    logger.info(
        "To compute: %s of %s images (%s in all), %s.",
        f"{missing:,}",
        f"{total:,}",
        size,
        executor.estimate_cost(missing),
    )
    return True


def open_entry(store: FeatureStore, entry: StoreEntry) -> list[int]:
    """Create, pin and verify an entry whose lock is held.

    Returns:
        The chunks that have to be computed.

    Raises:
        RunError: The entry can't be read or written.
    """
    try:
        entry.create()
        store.pin(entry.key)
        return entry.verify()
    except OSError as error:
        raise RunError(
            f"{entry.directory}: stored features cannot be read: {error.strerror}. Set "
            "training_config.feature_cache.directory to another place, then start again."
        ) from error


def _fill(
    store: FeatureStore,
    entry: StoreEntry,
    executor: Executor,
    images: Images,
    view: int,
    title: str,
) -> None:
    """Verify an entry, and compute and write its missing chunks."""
    with store.lock(entry.key):
        missing = open_entry(store, entry)
        if not missing:
            return
        chunks = {chunk: entry.chunk_positions(chunk) for chunk in missing}
        count = sum(map(len, chunks.values()))
        with tqdm(total=count, desc=f"features ({title})", unit=" images", leave=False) as bar:
            for chunk, arrays in executor.compute(images, view, chunks, bar.update):
                entry.write_chunk(chunk, arrays)
        logger.debug("Stored the features of %s: %s images.", title, f"{count:,}")
