"""The backbone of one run as the start of another."""

import shutil
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from framework.config.model import ModelConfiguration, Weights
from framework.errors import RunError
from framework.models.backbones import build_backbone
from framework.models.classifier import Classifier, save_classifier
from framework.models.weights import WeightsUnavailableError, load_pretrained_backbone
from framework.runs.run_directory import locate_weights

SMALL = {"alpha": 0.25}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A folder of runs with one finished run, of a small MobileNet for images of 32x32."""
    directory = tmp_path_factory.mktemp("runs") / "20260101-000000"
    directory.mkdir()
    keras.utils.set_random_seed(7)
    backbone = build_backbone("MobileNet", (32, 32, 3), None, SMALL)
    output = keras.layers.GlobalAveragePooling2D()(backbone.output)
    names = tuple(layer.name for layer in backbone.layers)
    save_classifier(
        Classifier(keras.Model(backbone.inputs, output), ("a",) * 256, names),
        directory / "model.keras",
    )
    (directory / "metrics.json").write_text("{}")
    return directory, backbone


@pytest.mark.parametrize("place", ["run", "folder of runs"])
def test_the_backbone_of_a_run_is_loaded_for_images_of_another_size(run, place):
    directory, trained = run
    where = directory if place == "run" else directory.parent
    model = ModelConfiguration(
        "MobileNet", {}, weights=Weights(str(where)), model_arguments={**SMALL, "pooling": "avg"}
    )

    backbone, fallback = load_pretrained_backbone(locate_weights(model), (48, 48, 3))

    assert fallback is None
    for loaded, expected in zip(backbone.get_weights(), trained.get_weights(), strict=True):
        assert np.array_equal(loaded, expected)


@pytest.mark.parametrize(
    ("name", "arguments"), [("MobileNet", {"alpha": 0.5}), ("MobileNetV2", {"alpha": 0.35})]
)
def test_another_backbone_is_refused(run, name, arguments):
    weights = Weights(str(run[0] / "model.keras"))
    model = ModelConfiguration(name, {}, weights, model_arguments=arguments)

    with pytest.raises(RunError, match="has another backbone than"):
        load_pretrained_backbone(model, (32, 32, 3))


def test_a_model_file_that_the_run_did_not_write_is_refused(run, tmp_path):
    copy = Path(shutil.copytree(run[0], tmp_path / "run"))
    (copy / "environment.json").write_text('{"model": {"sha256": "0"}}')

    for weights in (copy, tmp_path, copy / "model.keras"):
        with pytest.raises(RunError, match="is not the file that its run wrote"):
            locate_weights(ModelConfiguration("MobileNet", {}, Weights(str(weights))))


def test_a_missing_run_is_replaced_only_if_the_config_says_so(tmp_path):
    model = ModelConfiguration("MobileNet", {}, Weights(str(tmp_path)), model_arguments=SMALL)

    with pytest.raises(WeightsUnavailableError, match="nor a finished run"):
        load_pretrained_backbone(locate_weights(model), (32, 32, 3))
    allowed = replace(model, weights=Weights(str(tmp_path), if_unavailable="random"))
    _, fallback = load_pretrained_backbone(locate_weights(allowed), (32, 32, 3))
    assert fallback.used == "random"
