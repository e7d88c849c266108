"""Whole runs on KerasHub's networks: the store, resuming, the commands, fine-tuning."""

import json
import shutil
import signal

import keras_hub
import numpy as np
import pytest
from PIL import Image

from framework.cli.main import main
from framework.config import load_config, resolve_config
from framework.hub.saved_models import load_model
from framework.inference.export.formats import FORMATS
from framework.models.builder import assemble_backbone
from tests.helpers.hub_presets import make_preset
from tests.helpers.program import read_json, read_rows
from tests.helpers.small_runs import Runner, assert_same_run

pytestmark = pytest.mark.long

ANSWER = {"units": "classes", "activation": "softmax"}

# Family -> how its output is read, the layer that a second top reads, and its pooling.
NETWORKS = {
    "ViT": ("class_token", "transformer_block_1", 1),
    "DINOV2": ("class_token", "layers_0", 1),
    "SigLIP": (None, "encoder_block_0", 1),
    "SwinTransformer": ("avg", "stage_0_blocks_1", 1),
    "ResNet": ("avg", "stack0_block0_out", 2),
    "MobileNet": ("avg", "block_1_0", 2),
}

MEASURED = ("ViT", "SwinTransformer", "MobileNet")
"""Families whose layers are measured; those of the others are of the same kinds."""

REFUSED = {("SwinTransformer", "litert")}


def make_values(folder, training=None, **model):
    top = {"digit": {"layer_type": "Dense", "initializing_parameters": ANSWER}}
    return {
        "training_config": {"epochs": 2, **(training or {})},
        "data_config": {
            "dataset": "digits",
            "limit": {"train": 200, "test": 60},
            "image_shape": {"image_rows": 32, "image_columns": 32, "channel_numbers": 3},
        },
        "model_configuration": {"model_name": f"hub:{folder}", "model_top_config": top, **model},
        "report_config": {"data_issues": False},
    }


def read_weights(path):
    """All weights of a run's layers: name -> arrays."""
    return {layer.name: layer.get_weights() for layer in load_model(path / "model.keras").layers}


def assert_same_weights(one, other):
    for first, second in zip(one, other, strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.fixture(scope="module", params=NETWORKS)
def trained(request, tmp_path_factory):
    """A run on each family: its folder, which holds config.json and run, and its name."""
    family = request.param
    folder = tmp_path_factory.mktemp(family)
    preset = make_preset(family, str(folder / "tiny"))
    pooling, _, _ = NETWORKS[family]
    values = make_values(preset, model_arguments={"pooling": pooling})
    values["report_config"]["grad_cam"] = True
    (folder / "config.json").write_text(json.dumps(values))
    assert main(["--config", str(folder / "config.json"), "--output", str(folder / "run")]) == 0
    return folder, family


def test_a_run_is_whole_and_the_backbone_keeps_its_bits(trained):
    folder, _ = trained
    environment = read_json(folder / "run" / "environment.json")
    assert environment["subject"] == "hub:tiny on digits"
    assert environment["weights"]["name"] == "weights of hub:tiny"
    assert "keras-hub" in environment["packages"]
    assert (folder / "run" / "grad_cam.png").is_file()
    assert "is left out" not in (folder / "run" / "report.html").read_text(encoding="utf-8")
    before, _ = assemble_backbone(load_config(folder / "config.json"))
    after = read_weights(folder / "run")
    for layer in before.layers:
        assert_same_weights(layer.get_weights(), after[layer.name])


def test_a_second_top_reads_the_store(trained, tmp_path, capsys):
    folder, _ = trained
    values = read_json(folder / "config.json")
    top = values["model_configuration"]["model_top_config"]
    top["digit"]["initializing_parameters"] = {**ANSWER, "kernel_regularizer": "l2"}
    (tmp_path / "config.json").write_text(json.dumps(values))
    run = ["--config", str(tmp_path / "config.json"), "--output", str(tmp_path / "run")]
    assert main(run) == 0
    assert "are there already" in capsys.readouterr().out


def test_the_commands_take_a_run(trained, tmp_path, capsys):
    folder, family = trained
    run = ["--run", str(folder / "run")]
    image = tmp_path / "image.png"
    Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(image)
    assert main(["predict", *run, str(image)]) == 0
    assert "image.png" in capsys.readouterr().out
    # What Keras itself saves does not depend on the family.
    for name in FORMATS if family == "ViT" else ("onnx", "litert"):
        output = tmp_path / name
        code = main(["export", *run, "--format", name, "--output", str(output)])
        assert (code == 0) == output.exists() == ((family, name) not in REFUSED), name
    told = capsys.readouterr()
    assert ("LiteRT has no operation" in told.err) == ((family, "litert") in REFUSED)


def test_the_commands_take_a_config(trained, tmp_path):
    folder, family = trained
    _, layer, _ = NETWORKS[family]
    config = ["--config", str(folder / "config.json")]
    image = tmp_path / "image.png"
    Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(image)
    features = ["features", *config, "--layer", layer, "--output", str(tmp_path / "f.npz")]
    assert main([*features, str(image)]) == 0
    assert len(np.load(tmp_path / "f.npz")["features"]) == 1
    if family not in MEASURED:
        return
    assert main(["probe", *config, "--output", str(tmp_path / "probe"), "--shots", "all"]) == 0
    rows = read_rows(tmp_path / "probe" / "probe.csv")
    assert layer in {row["layer"] for row in rows}
    best = ["--config", str(tmp_path / "probe" / "config.yaml")]
    assert main([*best, "--output", str(tmp_path / "best")]) == 0


def test_a_top_reads_a_layer_and_fine_tuning_changes_that_and_those_above(trained, tmp_path):
    folder, family = trained
    _, layer, rank = NETWORKS[family]
    fine_tuning = {"unfreeze_from": layer, "epochs": 1, "learning_rate": 1.0e-2}
    values = make_values(folder / "tiny", {"fine_tuning": fine_tuning})
    pool = {"layer_type": f"GlobalAveragePooling{rank}D", "input_layer": layer}
    top = values["model_configuration"]["model_top_config"]
    values["model_configuration"]["model_top_config"] = {"pool": pool, **top}
    (tmp_path / "config.json").write_text(json.dumps(values))
    run = ["--config", str(tmp_path / "config.json"), "--output", str(tmp_path / "run")]
    assert main(run) == 0
    before = {
        each.name: each.get_weights()
        for each in assemble_backbone(resolve_config(values))[0].layers
    }
    after = read_weights(tmp_path / "run")
    names = [name for name in before if name in after]
    for name in names[: names.index(layer)]:
        if family != "ResNet" or layer != "stack0_block0_out":
            assert_same_weights(before[name], after[name])
    if before[layer]:
        kernel = max(range(len(before[layer])), key=lambda place: before[layer][place].size)
        assert (before[layer][kernel] != after[layer][kernel]).any()


def test_what_a_token_layer_gives_is_stored_as_one_token(tmp_path, capsys):
    preset = make_preset("ViT", str(tmp_path / "tiny"))
    values = make_values(preset)
    first = {"cropping": [0, 16]}
    top = values["model_configuration"]["model_top_config"]
    values["model_configuration"]["model_top_config"] = {
        "token": {
            "layer_type": "Cropping1D",
            "input_layer": "transformer_block_1",
            "initializing_parameters": first,
        },
        "flat": {"layer_type": "Flatten"},
        **top,
    }
    (tmp_path / "config.json").write_text(json.dumps(values))
    run = ["--config", str(tmp_path / "config.json"), "--output", str(tmp_path / "run")]
    assert main(run) == 0
    assert "Frozen up to token: 64.0B of features an image" in capsys.readouterr().out


@pytest.mark.parametrize("family", ["ViT", "MobileNet"])
def test_a_killed_run_resumes_to_the_same_bits(family, forker, tmp_path):
    preset = make_preset(family, str(tmp_path / "tiny"))
    _, layer, _ = NETWORKS[family]
    training = {"fine_tuning": {"unfreeze_from": layer, "epochs": 1, "learning_rate": 1.0e-3}}
    values = make_values(preset, training, model_arguments={"pooling": "avg"})
    (tmp_path / "config.json").write_text(json.dumps(values))
    runs = [
        Runner(forker, tmp_path / "config.json", tmp_path / name) for name in ("whole", "killed")
    ]
    runs[0].finish()
    assert runs[1].interrupt(1, signal.SIGKILL).returncode == -signal.SIGKILL
    runs[1].finish()
    assert_same_run(*(run.directory for run in runs))


def test_a_sweep_and_a_probe_choose_among_presets_and_applications(tmp_path):
    preset = make_preset("ViT", str(tmp_path / "tiny"))
    values = make_values(preset, {"epochs": 1}, weights=None)
    top = values["model_configuration"]["model_top_config"]
    flat = {"layer_type": "Flatten", "input_layer": "backbone"}
    values["model_configuration"]["model_top_config"] = {"flat": flat, **top}
    (tmp_path / "config.json").write_text(json.dumps(values))
    names = [f"hub:{preset}", "MobileNet"]
    keys = {"model_configuration.model_name": {"choice": names}}
    values["sweep_config"] = {"sampler": "grid", "reports": 0, "keys": keys}
    (tmp_path / "sweep.json").write_text(json.dumps(values))
    sweep = ["sweep", "--config", str(tmp_path / "sweep.json"), "--output", str(tmp_path / "out")]
    assert main(sweep) == 0
    rows = read_rows(tmp_path / "out" / "ranking.csv")
    assert [row["state"] for row in rows] == ["complete", "complete"]
    probe = ["probe", "--config", str(tmp_path / "config.json"), "--backbones", ",".join(names)]
    assert main([*probe, "--output", str(tmp_path / "probe"), "--shots", "all"]) == 0
    rows = read_rows(tmp_path / "probe" / "probe.csv")
    assert {row["backbone"] for row in rows} == set(names)
    assert {row["pooling"] for row in rows} == {"flatten", "average", "token"}


def test_a_run_does_not_need_its_preset_any_more(tmp_path):
    preset = make_preset("DINOV2", str(tmp_path / "tiny"))
    values = make_values(preset, model_arguments={"pooling": "class_token"})
    (tmp_path / "config.json").write_text(json.dumps(values))
    run = ["--config", str(tmp_path / "config.json"), "--output", str(tmp_path / "run")]
    assert main(run) == 0
    shutil.rmtree(preset)
    Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(tmp_path / "image.png")
    assert main(["predict", "--run", str(tmp_path / "run"), str(tmp_path / "image.png")]) == 0
    evaluate = ["evaluate", "--run", str(tmp_path / "run"), "digits"]
    assert main([*evaluate, "--output", str(tmp_path / "evaluation")]) == 0


def test_shrinking_with_antialiasing_is_refused_where_there_is_no_operation(tmp_path, capsys):
    options = {"antialias": True, "crop_to_aspect_ratio": False}
    preset = make_preset("ViT", str(tmp_path / "tiny"), **options)
    values = make_values(preset, {"epochs": 1}, model_arguments={"pooling": "avg"})
    values["data_config"]["image_shape"] |= {"image_rows": 48, "image_columns": 48}
    (tmp_path / "config.json").write_text(json.dumps(values))
    run = ["--config", str(tmp_path / "config.json"), "--output", str(tmp_path / "run")]
    assert main(run) == 0
    for name in ("onnx", "litert"):
        assert main(["export", "--run", str(tmp_path / "run"), "--format", name]) == 1
        assert "data_config.image_shape of 32x32" in capsys.readouterr().err
    assert not list((tmp_path / "run").glob("*export*"))


def test_an_image_network_alone_is_a_preset_too(tmp_path):
    whole = make_preset("SigLIP", str(tmp_path / "whole"))
    network = keras_hub.models.Backbone.from_preset(whole).vision_encoder
    network.save_to_preset(str(tmp_path / "part"))
    shutil.copy(tmp_path / "whole" / "image_converter.json", tmp_path / "part")
    images = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype(np.float32)
    found = [
        assemble_backbone(resolve_config(values))[0](images, training=False)
        for values in (
            make_values(whole),
            make_values(tmp_path / "part"),
        )
    ]
    np.testing.assert_allclose(*found, rtol=1e-5)
