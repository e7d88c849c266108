"""Files that may share blocks: what is in them stays the same, wherever they lie."""

import errno
import zipfile

import keras
import numpy as np
import pytest

from framework.models import shared_blocks
from framework.models.classifier import Classifier, load_classifier_file, save_classifier
from framework.models.shared_blocks import BLOCK, WEIGHTS, _find_equal, _locate_weights

LAYERS = ("image", "wide")


@pytest.fixture(scope="module")
def backbone():
    keras.utils.set_random_seed(0)
    image = keras.Input((4, 4, 3), name="image")
    flat = keras.layers.Flatten(name="flat")(image)
    return keras.Model(image, keras.layers.Dense(20_000, name="wide")(flat))


@pytest.fixture
def requests(monkeypatch, tmp_path):
    """A file system that takes all requests to share blocks, and does nothing."""
    asked = []
    monkeypatch.setenv("TRANSFER_FRAMEWORK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(shared_blocks, "_can_share", lambda directory: True)
    monkeypatch.setattr(
        shared_blocks.fcntl, "ioctl", lambda file, code, request: asked.append(bytes(request))
    )
    return asked


def save(backbone, path, units):
    top = keras.layers.Dense(units, name="hidden")(backbone.output)
    model = keras.Model(backbone.input, keras.layers.Dense(2, name="end")(top))
    save_classifier(Classifier(model, ("no", "yes"), LAYERS), path)
    return model


def test_equal_weights_lie_in_equal_blocks_and_are_shared(backbone, requests, tmp_path):
    paths = [tmp_path / f"{units}.keras" for units in (8, 16)]
    models = [save(backbone, path, int(path.stem)) for path in paths]
    (first, size), (second, _) = map(_locate_weights, paths)
    assert first % BLOCK == second % BLOCK == 0
    shared = sum(length for _, length in _find_equal(paths[0], first, paths[1], second, size))
    assert shared > 0.99 * 48 * 20_000 * 4 - 2 * BLOCK
    assert requests  # Of the second file; the first one found no other.
    image = np.ones((1, 4, 4, 3), np.float32)
    for path, model in zip(paths, models, strict=True):
        loaded = load_classifier_file(path).model
        np.testing.assert_array_equal(loaded(image), model(image))
    assert not list(tmp_path.glob("*.aligned"))


def test_a_file_system_that_refuses_costs_nothing(backbone, requests, tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    save(backbone, tmp_path / "first.keras", 8)
    monkeypatch.setattr(shared_blocks.fcntl, "ioctl", refuse)
    model = save(backbone, tmp_path / "second.keras", 16)
    image = np.ones((1, 4, 4, 3), np.float32)
    loaded = load_classifier_file(tmp_path / "second.keras").model
    np.testing.assert_array_equal(loaded(image), model(image))


def test_where_blocks_cannot_be_shared_the_file_is_keras_s(backbone, tmp_path, monkeypatch):
    monkeypatch.setattr(shared_blocks, "_can_share", lambda directory: False)
    save(backbone, tmp_path / "model.keras", 8)
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        assert archive.namelist()[0] != WEIGHTS


def test_few_bases_are_kept(backbone, requests, tmp_path, monkeypatch):
    monkeypatch.setattr(shared_blocks, "MAX_BASES", 2)
    weights = backbone.get_weights()
    for seed in range(4):
        backbone.set_weights([array + seed for array in weights])
        save(backbone, tmp_path / f"{seed}.keras", 8)
    backbone.set_weights(weights)
    assert len(list((tmp_path / "cache/models").iterdir())) == 2
