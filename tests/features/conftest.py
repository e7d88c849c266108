"""Tiny images for the features' tests."""

from __future__ import annotations

import numpy as np
import pytest

from framework.data.augmentation import Augmentation
from framework.data.images import Images
from framework.data.sources import ArraySource


@pytest.fixture
def images() -> Images:
    """50 grey images of random pixels, shown as RGB, rotated in views above 0."""
    random = np.random.default_rng(1)
    source = ArraySource(
        random.integers(0, 256, (50, 8, 8), dtype=np.uint8), random.integers(0, 3, 50)
    )
    augmentation = Augmentation({"rotation_range": 20}, seed=3)
    return Images(source, np.arange(50), (8, 8, 3), augmentation=augmentation)
