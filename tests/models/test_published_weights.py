"""ImageNet's weights files, in the layout in which they are published, with random numbers."""

import os
import shutil
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from framework.config.model import ModelConfiguration, Weights
from framework.errors import RunError
from framework.models.weights import WeightsUnavailableError, load_pretrained_backbone

SHAPE = (32, 32, 3)
FILES = {
    "VGG16": "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "VGG19": "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "ResNet50": "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
}


def write_published(path, model_name):
    """Writes random weights as the files of Keras Applications hold them, and returns them."""
    model = getattr(keras.applications, model_name)(
        include_top=False, weights=None, input_shape=SHAPE
    )
    random = np.random.default_rng(0)
    written = {}
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.name.encode() for layer in model.layers]
        file.attrs["backend"] = b"tensorflow"
        file.attrs["keras_version"] = b"2.0.0"
        for layer in model.layers:
            group = file.create_group(layer.name)
            names = [f"{layer.name}/{weight.name}:0" for weight in layer.weights]
            group.attrs["weight_names"] = [name.encode() for name in names]
            values = [random.random(weight.shape, dtype=np.float32) for weight in layer.weights]
            for name, value in zip(names, values, strict=True):
                group[name] = value
            written[layer.name] = values
    return written


@pytest.fixture(scope="module", params=FILES)
def published(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("published") / FILES[request.param]
    return request.param, path, write_published(path, request.param)


@pytest.fixture
def keras_cache():
    models = Path(os.environ["KERAS_HOME"]) / "models"
    models.mkdir(exist_ok=True)
    yield models
    shutil.rmtree(models)


def load_backbone(model_name, weights):
    model = ModelConfiguration(model_name, {}, Weights(weights))
    return load_pretrained_backbone(model, SHAPE)[0]


def assert_loaded(backbone, written):
    for name, values in written.items():
        if values:
            loaded = backbone.get_layer(name).get_weights()
            assert all(np.array_equal(a, b) for a, b in zip(loaded, values, strict=True)), name


def test_a_published_file_is_loaded_from_a_path(published):
    model_name, path, written = published
    assert_loaded(load_backbone(model_name, str(path)), written)


def test_a_published_file_is_loaded_from_the_cache(published, keras_cache, monkeypatch):
    model_name, path, written = published
    (keras_cache / path.name).write_bytes(path.read_bytes())
    # The numbers are random, so the published checksum cannot be theirs.
    monkeypatch.setattr("keras.src.utils.file_utils.validate_file", lambda *_, **__: True)
    assert_loaded(load_backbone(model_name, "imagenet"), written)


def test_a_file_in_the_cache_with_another_checksum_is_refused(keras_cache):
    write_published(keras_cache / FILES["VGG16"], "VGG16")
    with pytest.raises(WeightsUnavailableError, match="can't be downloaded"):
        load_backbone("VGG16", "imagenet")


def test_weights_of_another_network_are_refused(published):
    model_name, path, _ = published
    other = "VGG19" if model_name == "VGG16" else "VGG16"
    with pytest.raises(RunError, match="another network"):
        load_backbone(other, str(path))


def test_a_truncated_file_is_refused(tmp_path):
    path = tmp_path / "weights.h5"
    write_published(path, "VGG16")
    path.write_bytes(path.read_bytes()[:1_000_000])
    with pytest.raises(RunError, match="truncated or damaged"):
        load_backbone("VGG16", str(path))


def test_random_weights_replace_missing_ones_only_if_the_config_says_so():
    wanted = ModelConfiguration("VGG16", {}, Weights("nowhere.h5"))
    with pytest.raises(WeightsUnavailableError, match=r"no file nowhere.h5"):
        load_pretrained_backbone(wanted, SHAPE)
    allowed = ModelConfiguration("VGG16", {}, Weights("nowhere.h5", if_unavailable="random"))
    backbone, fallback = load_pretrained_backbone(allowed, SHAPE)
    assert backbone.count_params() == 14_714_688
    assert (fallback.wanted, fallback.used) == ("nowhere.h5", "random")
