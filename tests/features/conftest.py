"""What several of the features' tests begin with."""

import pytest

from framework.features.store import FeatureStore


@pytest.fixture
def images():
    """50 tiny images; see `tests.helpers.tiny_features.make_images`."""
    from tests.helpers.tiny_features import make_images

    return make_images()


@pytest.fixture
def computed(monkeypatch) -> list[int]:
    """The numbers of images that were computed, call by call."""
    from framework.features.extractor import Extractor

    counts = []
    stream = Extractor.stream

    def count(self, images, positions, view):
        counts.append(len(positions))
        return stream(self, images, positions, view)

    monkeypatch.setattr(Extractor, "stream", count)
    return counts


@pytest.fixture
def feature_store(tmp_path) -> FeatureStore:
    return FeatureStore(tmp_path / "store", limit_gb=1.0)
