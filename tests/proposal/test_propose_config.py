"""Configs that `init` writes: their values, their reasons, and that they run."""

import numpy as np
import pytest
from PIL import Image

from framework.cli.main import main
from framework.config import load_config
from framework.data.registry import load_digits
from framework.proposal import propose_config as module
from framework.proposal.machine import Machine
from tests.helpers.flawed_folder import paint
from tests.helpers.program import read_json

OFFLINE = Machine(2, False, (), False)


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    """The machine that configs are proposed for; set with a call."""

    def be(machine):
        monkeypatch.setattr(module, "survey_machine", lambda: machine)

    be(OFFLINE)
    return be


def write_photos(folder, counts, side=48, gray=False):
    random = np.random.default_rng(0)
    for label, count in counts.items():
        for number in range(count):
            picture = Image.fromarray(paint(random, label)).resize((side, side))
            path = folder / "train" / label / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            (picture.convert("L") if gray else picture).save(path)
    return folder


def write_digits(folder):
    source = load_digits().train
    for position in np.concatenate([np.flatnonzero(source.labels == n)[:15] for n in range(10)]):
        path = folder / str(source.labels[position]) / f"{position}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(source.images[position]).save(path)
    return folder


def propose(tmp_path, data, *options):
    path = tmp_path / "mine.yaml"
    assert main(["init", str(data), "--output", str(path), *options]) == 0
    return load_config(path), " ".join(path.read_text().replace("#", "").split())


def test_uneven_photographs_get_weights_flips_and_a_larger_size(tmp_path):
    folder = write_photos(tmp_path / "photos", {"left": 60, "top": 20})
    config, text = propose(tmp_path, folder)
    assert config.training_config.class_weight == "balanced"
    assert "48 training images of 'left', 16 of 'top'" in text
    assert config.data_config.data_augmentation["horizontal_flip"] is True
    assert config.data_config.image_shape.as_tuple == (96, 96, 3)
    assert "The shorter side of the images is 48 pixels in the median. They are enlarged" in text
    assert config.training_config.call_backs_conf["EarlyStopping"]["restore_best_weights"] is True
    assert config.model_configuration.weights.if_unavailable == "random"


def test_characters_are_never_mirrored_and_read_from_a_middle_layer(tmp_path):
    config, text = propose(tmp_path, write_digits(tmp_path / "digits"))
    assert "horizontal_flip" not in config.data_config.data_augmentation
    assert "No flips" in text
    assert "light on dark" in text
    assert config.model_configuration.model_top_config["flatten"].input_layer == "block4_conv1"
    assert config.training_config.class_weight is None


def test_gray_photographs_are_not_mirrored(tmp_path):
    folder = write_photos(tmp_path / "scans", {"left": 30, "top": 30}, gray=True)
    config, text = propose(tmp_path, folder)
    assert "horizontal_flip" not in config.data_config.data_augmentation
    assert "Gray is repeated to the three channels" in text


@pytest.mark.parametrize(
    ("machine_now", "backbone"),
    [
        (OFFLINE, "VGG16"),
        (Machine(2, False, ("ResNet50", "VGG16"), False), "ResNet50"),
        (Machine(4, False, (), True), "EfficientNetV2B0"),
        (Machine(8, True, (), True), "ConvNeXtTiny"),
    ],
)
def test_the_backbone_is_one_that_this_machine_can_have(tmp_path, machine, machine_now, backbone):
    machine(machine_now)
    folder = write_photos(tmp_path / "photos", {"left": 20, "top": 20}, side=256)
    config, _ = propose(tmp_path, folder)
    assert config.model_configuration.model_name == backbone


def test_the_reasons_are_true(tmp_path, machine):
    folder = write_photos(tmp_path / "photos", {"left": 20, "top": 20}, side=100)
    machine(Machine(64, False, ("ResNet50",), False))
    config, text = propose(tmp_path, folder)
    assert config.data_config.image_shape.image_rows == 96
    assert "would take longer" not in text  # Time is not why they aren't larger.
    assert "Its ImageNet weights are in Keras's cache already." in text


def test_nothing_is_overwritten(tmp_path, capsys):
    path = tmp_path / "mine.yaml"
    path.write_text("precious")
    assert main(["init", str(write_digits(tmp_path / "d")), "--output", str(path)]) == 2
    assert "exists already, and is not overwritten" in capsys.readouterr().err
    assert path.read_text() == "precious"


def test_the_file_is_named_after_the_folder_and_the_next_command_is_told(
    tmp_path, monkeypatch, capsys
):
    write_digits(tmp_path / "my digits")
    monkeypatch.chdir(tmp_path)
    assert main(["init", "my digits"]) == 0
    assert capsys.readouterr().out.endswith("Next      python run.py --config 'my digits.yaml'\n")
    assert load_config("my digits.yaml").data_config.dataset.path == str(tmp_path / "my digits")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere"], "there is no folder, table or data set 'nowhere'"),
        (["digits", "--output", "x.json"], "expected a file that ends in .yaml"),
        (["digits", "--output", "no/such/x.yaml"], "there is no folder no/such"),
    ],
)
def test_a_wrong_command_line_is_explained(tmp_path, monkeypatch, capsys, words, message):
    monkeypatch.chdir(tmp_path)
    assert main(["init", *words]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.usefixtures("no_figures")
def test_what_is_written_passes_the_check_and_runs(tmp_path, capsys):
    folder = write_photos(tmp_path / "photos", {"left": 24, "top": 24}, side=32)
    propose(tmp_path, folder)
    path = str(tmp_path / "mine.yaml")
    assert main(["--config", path, "--check"]) == 0
    assert capsys.readouterr().out.endswith("mine.yaml: OK\n")
    small = ["--set", "data_config.image_shape={image_rows: 32, image_columns: 32}"]
    assert main(["--config", path, *small, "--output", str(tmp_path / "run")]) == 0
    assert read_json(tmp_path / "run" / "metrics.json")["validation"]["accuracy"] >= 0.75


def test_a_probe_writes_what_it_measured(tmp_path, monkeypatch):
    monkeypatch.setattr("framework.proposal.measure_network.IMAGES", 60)
    monkeypatch.setattr("framework.proposal.measure_network.SIZES", (64, 32))
    monkeypatch.setenv("TRANSFER_FRAMEWORK_CACHE", str(tmp_path / "cache"))
    config, text = propose(tmp_path, write_digits(tmp_path / "digits"), "--probe")
    assert "Measured with random weights, by a linear classifier:" in text
    assert " validation images are right" in text
    layer = next(iter(config.model_configuration.model_top_config.values())).input_layer
    assert f"Measured: of its layers {layer} " in text
