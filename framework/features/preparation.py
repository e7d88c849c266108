"""From a cut and some images to features, by the cheapest way the settings allow."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass

import keras
import tensorflow as tf
from tqdm import tqdm

from framework.cluster.nodes import Cluster
from framework.config.sections import FeatureCache
from framework.data.images import Images
from framework.environment import count_threads
from framework.errors import RunError
from framework.features.cluster import ClusterCrew
from framework.features.crew import Crew, ThisMachine
from framework.features.cut import Cut
from framework.features.entry import Entry, choose_chunk_images
from framework.features.extraction import Extractor
from framework.features.sources import ComputedFeatures, Features, RawImages, StoredFeatures
from framework.features.store import FeatureStore, compute_key, find_directory, format_bytes

logger = logging.getLogger(__name__)

FORMAT = 1


@dataclass(frozen=True)
class Split:
    """Images, and how many of their views are wanted in the store.

    Args:
        images: The images.
        views: Views 0 to `views - 1` are stored; others are computed when read.
    """

    images: Images
    views: int = 1


def prepare_features(
    cut: Cut,
    splits: Mapping[str, Split],
    settings: FeatureCache,
    cluster: Cluster | None = None,
    devices: Sequence[str] = (),
) -> dict[str, Features]:
    """Computes what is not stored yet, and says beforehand what that will cost.

    With the same settings the features are the same, whether they come from the
    store or are computed when they are read: the store saves time and changes nothing.

    Args:
        cut: The cut classifier.
        splits: What is needed, by names for the console such as `"training"`.
        settings: Whether and where to store.
        cluster: What computes the features to be stored; this machine alone if `None`.
        devices: Those of this machine that compute; by default one.

    Returns:
        The features of each split.

    Raises:
        RunError: The store cannot be written, an image cannot be read, or the cluster
            has no worker any more.
    """
    here = ", on this machine: the Ray cluster has nothing to do" if cluster else ""
    if cut.extractor is None:
        logger.info("Nothing is frozen: the whole network runs in every epoch%s.", here)
        return {name: RawImages(split.images) for name, split in splits.items()}
    extractor = Extractor(cut.extractor, devices)
    computed = {name: ComputedFeatures(split.images, extractor) for name, split in splits.items()}
    if settings.mode == "off":
        logger.info("The feature cache is off: the frozen part runs in every epoch%s.", here)
        return dict(computed)
    store = FeatureStore(find_directory(settings), settings.limit_gb)
    entries = {
        (name, view): _find_entry(store, extractor, cut, split.images, view)
        for name, split in splits.items()
        for view in range(split.views)
    }
    with _gather_crew(extractor, cluster) as crew:
        if not _plan(store, extractor, crew, cut, list(entries.values())):
            return dict(computed)
        for (name, view), entry in entries.items():
            title = name if splits[name].views == 1 else f"{name}, view {view + 1}"
            _fill(store, entry, crew, splits[name].images, view, title)
    return {
        name: StoredFeatures(
            tuple(entries[name, view] for view in range(split.views)), computed[name], store
        )
        for name, split in splits.items()
    }


@contextmanager
def _gather_crew(extractor: Extractor, cluster: Cluster | None) -> Iterator[Crew]:
    if cluster is None:
        yield ThisMachine(extractor)
        return
    with closing(ClusterCrew(extractor, cluster)) as crew:
        yield crew


def _find_entry(
    store: FeatureStore, extractor: Extractor, cut: Cut, images: Images, view: int
) -> Entry:
    """The place of a view's features, by everything that decides them."""
    chunk_images = choose_chunk_images(extractor.bytes_per_image, extractor.batch_size)
    key = compute_key(
        {
            "format": FORMAT,
            "images": images.describe(view),
            "extractor": extractor.description,
            "chunk_images": chunk_images,
            # These decide the last bits; releases may, too, but bug fixes do not.
            "threads": count_threads(),
            "versions": [
                version.rsplit(".", 1)[0] for version in (keras.__version__, tf.__version__)
            ],
        }
    )
    return Entry(
        directory=store.directory / key,
        description={
            "layers": list(cut.layers),
            "images": len(images),
            "shapes": [list(spec.shape) for spec in extractor.specs],
            "pixels": images.describe(view),
        },
        images=len(images),
        chunk_images=chunk_images,
        specs=extractor.specs,
    )


def _plan(
    store: FeatureStore, extractor: Extractor, crew: Crew, cut: Cut, entries: Sequence[Entry]
) -> bool:
    """Says what will be stored and what it will cost; tells whether it fits."""
    by_key = {entry.key: entry for entry in entries}
    wanted = {key: entry.bytes for key, entry in by_key.items()}
    missing = sum(
        len(entry.positions_of(chunk))
        for entry in by_key.values()
        for chunk in entry.find_missing()
    )
    total = sum(entry.images for entry in by_key.values())
    size = format_bytes(sum(wanted.values()))
    logger.info(
        "Frozen up to %s: %s of features an image, computed once and kept in %s.",
        ", ".join(cut.layers),
        format_bytes(extractor.bytes_per_image),
        store.directory,
    )
    if not store.make_room(wanted, missing * extractor.bytes_per_image):
        logger.warning(
            "The features would take %s, more than the limit (%s) or the disk has room for: "
            "nothing is stored, and the frozen part runs in every epoch. Raise "
            "training_config.feature_cache.limit_gb or choose another directory.",
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
        crew.forecast(missing),
    )
    return True


def _fill(
    store: FeatureStore, entry: Entry, crew: Crew, images: Images, view: int, title: str
) -> None:
    """Brings an entry to completeness: checks what is there, computes the rest."""
    with store.lock(entry.key):
        try:
            entry.create()
            store.keep(entry.key)
            missing = entry.check()
        except OSError as error:
            raise RunError(
                f"{entry.directory}: stored features cannot be read: {error.strerror}. Set "
                "training_config.feature_cache.directory to another place, then start again."
            ) from error
        if not missing:
            return
        chunks = {chunk: entry.positions_of(chunk) for chunk in missing}
        count = sum(map(len, chunks.values()))
        with tqdm(total=count, desc=f"features ({title})", unit=" images", leave=False) as bar:
            for chunk, arrays in crew.compute(images, view, chunks, bar.update):
                entry.write_chunk(chunk, arrays)
        logger.debug("Stored the features of %s: %s images.", title, f"{count:,}")
