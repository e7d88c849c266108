"""Networks in `.keras` files as backbones: the same features as the networks themselves."""

import json
import shutil
import signal

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

from framework.cli.main import main
from framework.config import load_config, resolve_config
from framework.errors import RunError
from framework.models.backbones import build_backbone
from framework.models.builder import assemble_backbone
from framework.models.keras_backbone import announce_file, build_keras_backbone
from tests.helpers.program import read_json, read_rows
from tests.helpers.small_runs import Runner, assert_same_run

pytestmark = pytest.mark.long

SHAPE = (32, 32, 3)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (6, *SHAPE)).astype(np.float32)


def make_application(name="MobileNet", **arguments):
    application = getattr(keras.applications, name)
    return application(weights=None, include_top=False, input_shape=SHAPE, **arguments)


@pytest.fixture(scope="module")
def nested(tmp_path_factory):
    """A classifier as tutorials make it: an application in a sequential model."""
    base = make_application(alpha=0.25)
    top = [layers.GlobalAveragePooling2D(), layers.Dense(3, activation="softmax")]
    model = keras.Sequential([keras.Input(SHAPE), base, *top])
    path = tmp_path_factory.mktemp("nested") / "mine.keras"
    model.save(path)
    return path, model


@pytest.mark.parametrize(
    ("name", "arguments"), [("VGG16", {}), ("MobileNet", {"alpha": 0.25}), ("DenseNet121", {})]
)
def test_an_application_in_a_file_gives_the_features_of_the_application(
    name, arguments, images, tmp_path
):
    own = build_backbone(name, SHAPE, arguments=arguments)
    plain = make_application(name, **arguments)
    plain.set_weights(own.get_weights())
    plain.save(tmp_path / "it.keras")
    found = build_keras_backbone(str(tmp_path / "it.keras"), SHAPE)
    np.testing.assert_array_equal(found.predict(images, verbose=0), own.predict(images, verbose=0))


def test_nested_models_are_flat_and_compute_the_same(nested, images, caplog):
    path, model = nested
    backbone = build_keras_backbone(str(path), SHAPE, "none")
    np.testing.assert_allclose(
        backbone.predict(images, verbose=0), model.predict(images, verbose=0), rtol=1e-6
    )
    assert "conv_pw_5_relu" in [layer.name for layer in backbone.layers]
    assert not any(isinstance(layer, keras.Model) for layer in backbone.layers)
    with caplog.at_level("INFO"):
        announce_file(str(path), None)
    assert "the layers of mobilenet_0.25_32, a model in it, can be read by name" in caplog.text
    assert "the preprocessing is guessed: tf" in caplog.text
    caplog.clear()
    announce_file(str(path), "tf")
    assert "guessed" not in caplog.text


def test_a_network_that_calls_preprocess_input_is_not_prepared_twice(images, tmp_path):
    image = keras.Input(SHAPE)
    prepared = keras.applications.vgg16.preprocess_input(image)
    base = keras.Model(image, layers.Conv2D(2, 3)(image), name="vgg16")
    network = keras.Model(image, base(prepared))
    network.save(tmp_path / "it.keras")
    backbone = build_keras_backbone(str(tmp_path / "it.keras"), SHAPE)
    np.testing.assert_allclose(
        backbone.predict(images, verbose=0), network.predict(images, verbose=0), rtol=1e-6
    )


def test_a_model_used_twice_stays_one_layer(images, tmp_path):
    inputs = keras.Input(SHAPE)
    part = keras.Sequential([keras.Input(SHAPE), layers.Conv2D(3, 3, padding="same")], name="part")
    network = keras.Model(inputs, layers.Flatten()(part(part(inputs))))
    network.save(tmp_path / "twice.keras")
    backbone = build_keras_backbone(str(tmp_path / "twice.keras"), SHAPE, "none")
    found = backbone.predict(images, verbose=0)
    np.testing.assert_allclose(found, network.predict(images, verbose=0), rtol=1e-6)


def test_numbers_may_say_how_images_are_prepared(nested, images):
    path, model = nested
    backbone = build_keras_backbone(str(path), SHAPE, {"scale": [0.1, 0.2, 0.3], "offset": -1})
    prepared = images * np.float32([0.1, 0.2, 0.3]) - 1
    np.testing.assert_allclose(
        backbone.predict(images, verbose=0), model.predict(prepared, verbose=0), atol=1e-6
    )


def test_images_that_do_not_fit_are_one_message(tmp_path):
    inputs = keras.Input((None, None, 3))
    network = keras.Model(inputs, layers.Conv2D(2, 9)(layers.Conv2D(2, 9)(inputs)))
    network.save(tmp_path / "large.keras")
    with pytest.raises(
        RunError, match=r"large.keras can't be built for images of shape \(8, 8, 3\)"
    ):
        build_keras_backbone(str(tmp_path / "large.keras"), (8, 8, 3), "none")


def test_random_weights_are_those_of_the_seed(nested):
    path, model = nested
    values = make_values(path, weights=None)
    first, second = (assemble_backbone(resolve_config(values))[0].get_weights() for _ in range(2))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)
    assert any((one != given).any() for one, given in zip(first, model.get_weights(), strict=True))


def make_values(path, training=None, **model):
    answer = {"units": "classes", "activation": "softmax"}
    return {
        "training_config": {"epochs": 2, **(training or {})},
        "data_config": {
            "dataset": "digits",
            "limit": {"train": 200, "test": 60},
            "image_shape": {"image_rows": 32, "image_columns": 32, "channel_numbers": 3},
        },
        "model_configuration": {
            "model_name": str(path),
            "model_top_config": {
                "pool": {"layer_type": "GlobalAveragePooling2D", "input_layer": "conv_pw_3_relu"},
                "digit": {"layer_type": "Dense", "initializing_parameters": answer},
            },
            **model,
        },
    }


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A classifier whose convolutions are a model in it, and one config that reads them."""
    image = keras.Input(SHAPE)
    maps = image
    for place in (1, 2, 3):
        maps = layers.Conv2D(8, 3, strides=2, activation="relu", name=f"conv_{place}")(maps)
    base = keras.Model(image, maps, name="base")
    # As a probe calls the layers of the top that it writes.
    top = [layers.Flatten(name="flatten"), layers.Dense(3, activation="softmax", name="classes")]
    folder = tmp_path_factory.mktemp("small")
    keras.Sequential([keras.Input(SHAPE), base, *top]).save(folder / "mine.keras")
    training = {"fine_tuning": {"unfreeze_from": "conv_3", "epochs": 1, "learning_rate": 1.0e-3}}
    values = make_values(folder / "mine.keras", training, preprocessing="tf")
    values["model_configuration"]["model_top_config"]["pool"]["input_layer"] = "conv_3"
    values["report_config"] = {
        "grad_cam": True,
        "embedding": True,
        "feature_maps": ["conv_1"],
        "filters": ["conv_1"],
    }
    (folder / "config.json").write_text(json.dumps(values))
    assert main(["--config", str(folder / "config.json"), "--output", str(folder / "run")]) == 0
    return folder, base


def test_a_run_says_what_it_is_of(small):
    environment = read_json(small[0] / "run" / "environment.json")
    assert environment["subject"] == "mine.keras on digits"
    assert environment["weights"]["name"] == "weights of mine.keras"
    assert environment["weights"]["preprocessing"] == "tf"


def test_the_inside_of_it_is_drawn(small):
    run = small[0] / "run"
    for name in ("grad_cam", "embedding", "feature_maps_conv_1", "filters_conv_1"):
        assert (run / f"{name}.png").is_file()
    assert "is left out" not in (run / "report.html").read_text(encoding="utf-8")


def test_a_killed_run_resumes_to_the_same_bits(small, forker, tmp_path):
    folder, _ = small
    runs = [Runner(forker, folder / "config.json", tmp_path / name) for name in ("whole", "killed")]
    runs[0].finish()
    assert runs[1].interrupt(1, signal.SIGKILL).returncode == -signal.SIGKILL
    runs[1].finish()
    assert_same_run(*(run.directory for run in runs))


def test_a_sweep_chooses_among_files_and_applications(small, tmp_path):
    folder, _ = small
    values = make_values(folder / "mine.keras", {"epochs": 1}, weights=None)
    top = values["model_configuration"]["model_top_config"]
    top["pool"]["input_layer"] = "backbone"
    top["pool"]["layer_type"] = "Flatten"
    names = [str(folder / "mine.keras"), "MobileNet"]
    keys = {"model_configuration.model_name": {"choice": names}}
    values["sweep_config"] = {"sampler": "grid", "reports": 0, "keys": keys}
    (tmp_path / "sweep.json").write_text(json.dumps(values))
    sweep = ["sweep", "--config", str(tmp_path / "sweep.json"), "--output", str(tmp_path / "out")]
    assert main(sweep) == 0
    rows = read_rows(tmp_path / "out" / "ranking.csv")
    assert [row["state"] for row in rows] == ["complete", "complete"]
    assert {row["model_configuration.model_name"] for row in rows} == set(names)


def test_fine_tuning_changes_the_named_layer_and_nothing_below(small):
    folder, base = small
    trained = keras.models.load_model(folder / "run" / "model.keras")
    for name, same in (("conv_1", True), ("conv_2", True), ("conv_3", False)):
        before, after = (each.get_layer(name).get_weights()[0] for each in (base, trained))
        assert (before == after).all() == same


def test_a_second_run_reads_the_store_and_has_the_same_bits(small, tmp_path, capsys):
    folder, _ = small
    config = ["--config", str(folder / "config.json")]
    assert main([*config, "--output", str(tmp_path / "again")]) == 0
    assert "are there already" in capsys.readouterr().out
    one, other = (
        keras.models.load_model(each / "model.keras").get_weights()
        for each in (folder / "run", tmp_path / "again")
    )
    for first, second in zip(one, other, strict=True):
        np.testing.assert_array_equal(first, second)


def test_the_commands_take_it(small, tmp_path, capsys):
    folder, _ = small
    config, run = ["--config", str(folder / "config.json")], ["--run", str(folder / "run")]
    assert main(["probe", *config, "--output", str(tmp_path / "probe"), "--shots", "all"]) == 0
    rows = read_rows(tmp_path / "probe" / "probe.csv")
    assert {"conv_1", "conv_3"} <= {row["layer"] for row in rows}
    both = ["--backbones", f"{folder / 'mine.keras'},MobileNet"]
    weights = ["--set", "model_configuration.weights=null"]
    both = ["probe", *config, *both, *weights, "--output", str(tmp_path / "both")]
    assert main([*both, "--shots", "all", "--layers", "auto"]) == 0
    rows = read_rows(tmp_path / "both" / "probe.csv")
    assert {row["backbone"] for row in rows} == {str(folder / "mine.keras"), "MobileNet"}
    best = max(rows, key=lambda row: float(row["validation_accuracy"]))["backbone"]
    chosen = load_config(tmp_path / "both" / "config.yaml").model_configuration
    assert (chosen.model_name, chosen.weights.name) == (best, None)
    export = ["export", *run, "--format", "onnx", "--output", str(tmp_path / "onnx")]
    assert main(export) == 0
    image = tmp_path / "image.png"
    Image.fromarray(np.zeros(SHAPE, np.uint8)).save(image)
    features = ["features", *config, "--layer", "conv_2", "--output", str(tmp_path / "f.npz")]
    assert main([*features, str(image)]) == 0
    assert np.load(tmp_path / "f.npz")["features"].shape[0] == 1
    capsys.readouterr()
    assert main(["predict", *run, str(image)]) == 0
    assert "image.png" in capsys.readouterr().out


def test_a_run_is_such_a_network_itself(small, tmp_path):
    values = make_values(small[0] / "run" / "model.keras")
    values["model_configuration"]["model_top_config"]["pool"]["input_layer"] = "conv_2"
    (tmp_path / "config.json").write_text(json.dumps(values))
    run = tmp_path / "next"
    assert main(["--config", str(tmp_path / "config.json"), "--output", str(run)]) == 0
    environment = read_json(run / "environment.json")
    assert environment["subject"] == "run/model.keras on digits"
    assert environment["weights"]["preprocessing"] == "none"


def test_a_run_does_not_need_the_file_any_more(small, tmp_path, capsys):
    folder, _ = small
    values = make_values(tmp_path / "mine.keras", {"epochs": 1})
    values["model_configuration"]["model_top_config"]["pool"]["input_layer"] = "conv_2"
    shutil.copy(folder / "mine.keras", tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(values))
    run = ["--config", str(tmp_path / "config.json"), "--output", str(tmp_path / "run")]
    assert main(run) == 0
    (tmp_path / "mine.keras").unlink()
    Image.fromarray(np.zeros(SHAPE, np.uint8)).save(tmp_path / "image.png")
    assert main(["predict", "--run", str(tmp_path / "run"), str(tmp_path / "image.png")]) == 0
    assert "image.png" in capsys.readouterr().out
