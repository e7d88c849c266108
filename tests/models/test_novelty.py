"""How far images are from the training images."""

import io
from dataclasses import replace

import numpy as np
import pytest

from framework.models.novelty import SKETCH_SIZE, NoveltyDetector, embed


@pytest.fixture
def embeddings():
    """Two clusters of unit vectors."""
    random = np.random.default_rng(0)
    centers = np.repeat(np.eye(20)[:2], 100, axis=0)
    return embed(centers + random.normal(0, 0.05, (200, 20)))


def test_training_images_are_near_and_others_are_far(embeddings):
    detector = NoveltyDetector.fit(embeddings[::2])
    other = embed(np.eye(20)[5:7])
    assert detector.measure(embeddings[::2]).max() < 0.01
    assert detector.measure(embeddings[1::2]).max() < detector.measure(other).min()


def test_what_lies_outside_of_the_training_images_space_counts():
    inside = np.zeros((300, 200), np.float32)
    inside[:, :130] = np.random.default_rng(0).normal(size=(300, 130))
    detector = NoveltyDetector.fit(embed(inside))
    outside = np.zeros((1, 200), np.float32)
    outside[0, 150] = 1
    assert detector.measure(outside)[0] > 1


def test_the_distance_is_that_to_the_nearest_training_image(embeddings):
    detector = NoveltyDetector.fit(embeddings[:150])
    queries = embeddings[150:]
    exact = np.linalg.norm(queries[:, None] - embeddings[None, :150], axis=-1).min(axis=1)
    np.testing.assert_allclose(detector.measure(queries), exact, atol=0.01)


@pytest.mark.parametrize(("coverage", "unknown"), [(0.9, 19), (0.99, 1), (1.0, 0)])
def test_the_coverage_is_the_share_of_validation_images_that_are_known(
    embeddings, coverage, unknown
):
    detector = NoveltyDetector.fit(embeddings)
    distances = np.arange(1, 201, dtype=np.float32)
    detector = replace(detector, validation=distances)
    assert (distances > detector.find_threshold(coverage)).sum() == unknown


def test_it_is_read_as_it_was_written(embeddings):
    detector = NoveltyDetector.fit(embeddings)
    stream = io.BytesIO()
    detector.write(stream)
    found = NoveltyDetector.read(io.BytesIO(stream.getvalue()))
    np.testing.assert_array_equal(found.measure(embeddings), detector.measure(embeddings))


def test_long_features_are_sketched_and_keep_their_distances():
    rows = np.random.default_rng(0).normal(size=(40, 5 * SKETCH_SIZE)).astype(np.float32)
    rows[1::2] += 2 * rows[::2]
    sketched = embed(rows)
    assert sketched.shape == (40, SKETCH_SIZE)
    exact = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    pairs = np.linalg.norm(exact[::2] - exact[1::2], axis=1)
    np.testing.assert_allclose(np.linalg.norm(sketched[::2] - sketched[1::2], axis=1), pairs, 0.15)


@pytest.mark.parametrize("rows", [np.full((5, 3), np.nan), np.ones((5, 3)), np.ones((1, 3))])
def test_features_that_tell_nothing_make_no_detector(rows):
    assert NoveltyDetector.fit(embed(rows)) is None
