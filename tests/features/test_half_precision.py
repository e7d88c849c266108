"""Frozen layers in 16 bits: close to float32, in half the bytes, always with the same bits."""

import json
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pytest

from framework.config.model import FeatureCache, TrainingConfig
from framework.features import half_precision, pipeline
from framework.features.extractor import Extractor
from framework.features.half_precision import compare_precisions, convert_model
from framework.features.model_split import split_model
from framework.features.pipeline import FeatureRequest, prepare_features
from framework.utils.precision import use_precision
from tests.helpers import tiny_networks
from tests.helpers.program import read_json

HALF = ("bfloat16", "float16")
NETWORKS = (tiny_networks.make_chain, tiny_networks.make_residual)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    """Cuts 50 images into five chunks."""
    monkeypatch.setattr(pipeline, "choose_chunk_images", lambda *_: 10)


@pytest.fixture
def split():
    keras.utils.set_random_seed(0)
    network = tiny_networks.make_residual()
    return split_model(network.model, network.backbone_layers)


def make_settings(directory, precision, mode="auto"):
    cache = FeatureCache(mode=mode, directory=str(directory), precision=precision)
    return TrainingConfig(feature_cache=cache)


def prepare(split, images, settings):
    return prepare_features(split, {"training": FeatureRequest(images)}, settings)["training"]


def read(features):
    return np.concatenate([block for (block,) in features.stream(np.arange(50))])


def find_chunks(directory):
    return {path.name: path for path in Path(directory).glob("*/*.npy")}


@pytest.mark.parametrize("precision", HALF)
@pytest.mark.parametrize("make", NETWORKS)
def test_the_features_are_those_of_float32_but_for_rounding(make, precision, images):
    network = make()
    model = split_model(network.model, network.backbone_layers).extractor
    converted = convert_model(model, precision)
    assert [tensor.dtype for tensor in converted.outputs] == [precision] * len(model.outputs)
    batch = images.read(np.arange(50))
    (exact,), (half,) = Extractor(model).compute(batch), Extractor(converted).compute(batch)
    difference = np.linalg.norm(half.astype(np.float32) - exact) / np.linalg.norm(exact)
    assert 0 < difference < 0.02


def test_pixels_are_scaled_and_statistics_kept_in_float32():
    converted = convert_model(tiny_networks.make_residual().model, "bfloat16")
    assert converted.get_layer("preprocessing").compute_dtype == "float32"
    assert converted.get_layer("block1_1_bn").moving_variance.dtype == "float32"
    assert converted.get_layer("block1_1_conv").kernel.dtype == "bfloat16"


def test_a_network_that_computes_so_already_is_left_as_it_is():
    model = tiny_networks.make_chain().model
    assert convert_model(model, "float32") is model
    with use_precision("mixed_bfloat16"):
        image = keras.Input((8, 8, 3), dtype="float32")
        mixed = keras.Model(image, keras.layers.Conv2D(2, 3)(image))
    assert convert_model(mixed, "bfloat16") is mixed


@pytest.mark.parametrize("precision", HALF)
def test_half_the_bytes_are_stored_and_float32_is_read(split, images, tmp_path, precision):
    half = prepare(split, images, make_settings(tmp_path / "half", precision))
    full = prepare(split, images, make_settings(tmp_path / "full", "float32"))
    assert read(half).dtype == np.float32 == read(full).dtype
    sizes = [
        sum(np.load(path).nbytes for path in find_chunks(tmp_path / name).values())
        for name in ("half", "full")
    ]
    assert 2 * sizes[0] == sizes[1]
    computed = read(prepare(split, images, make_settings(tmp_path, precision, mode="off")))
    np.testing.assert_array_equal(read(half), computed)


def test_another_precision_is_another_entry_and_that_of_float32_stays(
    split, images, tmp_path, computed
):
    for precision in ("float32", None, *HALF, "float32", *HALF):
        prepare(split, images, make_settings(tmp_path, precision))
    assert sum(computed) == 150


@pytest.mark.parametrize("precision", HALF)
def test_what_was_damaged_is_computed_again_with_the_same_bits(split, images, tmp_path, precision):
    settings = make_settings(tmp_path, precision)
    prepare(split, images, settings)
    stored = find_chunks(tmp_path)
    sorted(stored.values())[2].unlink()
    prepare(split, images, settings)
    assert find_chunks(tmp_path) == stored


@pytest.mark.parametrize(
    ("rates", "said"),
    [
        ((100.0, 200.0), "float16 is slower than float32 here: 100 images/s against 200"),
        ((2, 1), ""),
    ],
)
def test_a_slower_precision_is_said_with_its_rates(split, monkeypatch, caplog, rates, said):
    measured = iter(rates)
    monkeypatch.setattr(Extractor, "measure_rate", lambda self: next(measured))
    extractor = Extractor(convert_model(split.extractor, "float16"))
    compare_precisions(split.extractor, extractor)
    assert said in caplog.text
    assert bool(caplog.text) == bool(said)


def test_bfloat16_is_measured_only_where_it_may_be_slower(split, monkeypatch, caplog):
    rates = {"float32": 2, "bfloat16": 1}
    monkeypatch.setattr(Extractor, "measure_rate", lambda self: rates[self.precision])
    extractor = Extractor(convert_model(split.extractor, "bfloat16"))
    for found in (True, False):
        monkeypatch.setattr(half_precision, "has_bfloat16_instructions", partial(bool, found))
        compare_precisions(split.extractor, extractor)
        assert ("bfloat16 is slower" in caplog.text) != found


def test_a_network_that_leaves_the_range_of_float16_is_told(caplog):
    image = keras.Input((8, 8, 3))
    model = keras.Model(image, keras.layers.Conv2D(2, 3, name="conv")(image))
    weights = model.get_layer("conv").get_weights()
    model.get_layer("conv").set_weights([1000 * array for array in weights])
    compare_precisions(model, Extractor(convert_model(model, "float16")))
    assert "this network leaves its range" in caplog.text


CONFIG = {
    "training_config": {"epochs": 2, "feature_cache": {"precision": "bfloat16"}},
    "data_config": {"dataset": "digits", "limit": {"train": 120, "test": 40}},
    "model_configuration": {
        "model_name": "MobileNet",
        "model_arguments": {"alpha": 0.25},
        "weights": None,
        "model_top_config": {
            "flat": {"layer_type": "Flatten", "input_layer": "conv_pw_2_relu"},
            "digit": {
                "layer_type": "Dense",
                "initializing_parameters": {"units": 10, "activation": "softmax"},
            },
        },
    },
}


@pytest.mark.long
def test_two_runs_have_the_same_bits_and_the_saved_classifier_stays_float32(run_program, tmp_path):
    config = tmp_path / "config.json"
    config.write_text(json.dumps(CONFIG))
    predictions = []
    for name in ("first", "second"):
        output = tmp_path / name
        store = str(tmp_path / f"store of the {name}")
        result = run_program("--config", config, "--output", output, TRANSFER_FRAMEWORK_CACHE=store)
        assert result.returncode == 0, result.stderr
        predictions.append((output / "predictions_test.csv").read_bytes())
    assert predictions[0] == predictions[1]
    model = keras.models.load_model(output / "model.keras", compile=False)
    assert {layer.compute_dtype for layer in model.layers} == {"float32"}
    training = read_json(output / "config.json")["training_config"]
    assert training["feature_cache"]["precision"] == "bfloat16"
