"""What several of the features' tests begin with."""

from __future__ import annotations

import pytest
from elsewhere import make_images

from framework.data.images import Images
from framework.features.extraction import Extractor


@pytest.fixture
def images() -> Images:
    return make_images()


@pytest.fixture
def computed(monkeypatch) -> list[int]:
    """The numbers of images that were computed, call by call."""
    counts = []
    stream = Extractor.stream

    def count(self, images, positions, view):
        counts.append(len(positions))
        return stream(self, images, positions, view)

    monkeypatch.setattr(Extractor, "stream", count)
    return counts
