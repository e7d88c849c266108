"""Entries of a feature store that are made without any network."""

import os

import numpy as np

from framework.features import store_entry
from framework.features.store import FeatureStore, compute_key
from framework.features.store_entry import FeatureSpec, StoreEntry

SPECS = (FeatureSpec((3,), "float32"), FeatureSpec((2, 2), "float16"))


def make_arrays(positions: np.ndarray) -> list[np.ndarray]:
    """Features that are the images' positions all over."""
    return [
        np.stack([np.full(spec.shape, position, spec.dtype) for position in positions])
        for spec in SPECS
    ]


def fill(feature_store: FeatureStore, name: str, images: int = 25, used: int = 0) -> StoreEntry:
    """Stores an entry whose features are the images' positions, last used at `used`."""
    description = {"layers": ["pool"], "images": images, "pixels": {"view": 0}}
    place = feature_store.directory / compute_key({"name": name})
    made = StoreEntry(place, description, images, chunk_images=10, specs=SPECS)
    made.create()
    for chunk in made.verify():
        made.write_chunk(chunk, make_arrays(made.chunk_positions(chunk)))
    os.utime(place / store_entry.DESCRIPTION, (used, used))
    return made


def find_keys(feature_store: FeatureStore) -> list[str]:
    return [stored.key for stored in feature_store.list_entries()]
