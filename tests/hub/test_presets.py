"""What a config's hub: preset may be, and what is said of those that can't be a backbone."""

import json
import shutil
import subprocess
import sys
from importlib.util import find_spec
from types import SimpleNamespace

import keras_hub
import pytest
from huggingface_hub.errors import LocalEntryNotFoundError

from framework.cli.main import main
from framework.config import resolve_config
from framework.config.listing import list_catalog
from framework.errors import ConfigError, UsageError
from framework.hub.downloads import explain_error
from framework.hub.network import build_network
from framework.hub.presets import (
    FAMILIES,
    PresetError,
    PresetUnavailableError,
    find_preset,
    list_presets,
)
from framework.models.weights import load_pretrained_backbone
from framework.utils import optional_dependencies
from tests.helpers.hub_presets import SHAPE, make_preset


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_preset("ViT", str(tmp_path_factory.mktemp("hub") / "tiny"))


@pytest.fixture
def broken(folder, tmp_path):
    """A copy of a preset, to be broken."""
    return shutil.copytree(folder, tmp_path / "broken")


def make_values(name, channels=3, **model):
    answer = {"units": "classes", "activation": "softmax"}
    return {
        "training_config": {"epochs": 1},
        "data_config": {
            "dataset": "digits",
            "image_shape": {"image_rows": 32, "image_columns": 32, "channel_numbers": channels},
        },
        "model_configuration": {
            "model_name": f"hub:{name}",
            "model_top_config": {
                "digit": {"layer_type": "Dense", "initializing_parameters": answer}
            },
            **model,
        },
    }


def find_problems(name, **model):
    with pytest.raises(ConfigError) as caught:
        resolve_config(make_values(name, **model))
    return [problem.message for problem in caught.value.problems]


def test_a_preset_is_a_backbone_with_its_own_weights(folder):
    config = resolve_config(make_values(folder))
    assert config.model_configuration.weights.name == f"hub:{folder}"
    config = resolve_config(make_values(folder, weights={"if_unavailable": "random"}))
    assert config.model_configuration.weights.if_unavailable == "random"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("dinov2_smal", "Found 'hub:dinov2_smal'. Did you mean 'hub:dinov2_small'?"),
        ("zebra", "Found 'hub:zebra'. See: python run.py list backbones"),
        ("./nowhere/it", "there is no preset './nowhere/it' of KerasHub, nor a folder"),
    ],
)
def test_a_preset_that_is_not_there_is_one_message(name, message):
    (problem,) = find_problems(name)
    assert message in problem


def test_a_preset_of_texts_is_one_message(tmp_path):
    text = keras_hub.models.BertBackbone(
        vocabulary_size=32,
        num_layers=1,
        num_heads=2,
        hidden_dim=8,
        intermediate_dim=8,
        max_sequence_length=8,
    )
    text.save_to_preset(str(tmp_path / "bert"))
    (problem,) = find_problems(tmp_path / "bert")
    assert "holds a BertBackbone, which does not make features of one image" in problem


def test_a_folder_next_to_the_config_may_hold_the_wrong_preset(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bert").mkdir()
    (tmp_path / "bert" / "config.json").write_text('{"class_name": "B", "registered_name": "B"}')
    (problem,) = find_problems("bert")
    assert problem.startswith("bert holds a B, which does not make features of one image")


def test_a_preset_of_several_inputs_is_one_message(tmp_path):
    config = {"class_name": "PaliGemmaBackbone", "registered_name": "keras_hub>PaliGemmaBackbone"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (problem,) = find_problems(tmp_path)
    assert "holds a PaliGemmaBackbone, which does not make features of one image" in problem


def test_a_folder_without_a_preset_is_one_message(tmp_path):
    (problem,) = find_problems(tmp_path)
    assert problem.endswith("has no config.json: it holds no preset.")
    (tmp_path / "config.json").write_text("{")
    (problem,) = find_problems(tmp_path)
    assert "config.json is damaged" in problem


def test_a_network_that_can_not_be_built_is_one_message(broken):
    config = json.loads((broken / "config.json").read_text())
    config["config"]["patch_size"] = 7
    (broken / "config.json").write_text(json.dumps(config))
    (problem,) = find_problems(broken)
    assert "can't be loaded: Input height 32 should be divisible by patch size 7" in problem


def test_a_preset_without_its_weights_is_one_message(broken):
    (broken / "model.weights.h5").unlink()
    with pytest.raises(PresetError, match=r"lacks files of the preset.*download it again"):
        build_network(find_preset(f"hub:{broken}"), SHAPE, True)
    assert build_network(find_preset(f"hub:{broken}"), SHAPE, False).count_params()


def test_truncated_weights_are_one_message(broken):
    path = broken / "model.weights.h5"
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(PresetError, match=r"may be damaged or downloaded by halves"):
        build_network(find_preset(f"hub:{broken}"), SHAPE, True)


def test_without_an_image_converter_the_config_says_how_images_are_scaled(broken):
    (broken / "image_converter.json").unlink()
    scaled = {"scale": 0.5, "offset": 1.0}
    config = resolve_config(make_values(broken, preprocessing=scaled))
    backbone, _ = load_pretrained_backbone(config.model_configuration, SHAPE)
    layer = backbone.get_layer("preprocessing")
    assert (layer.scale, layer.offset) == (0.5, 1.0)


def test_without_a_converter_and_a_word_on_it_there_is_a_warning(broken, caplog):
    (broken / "image_converter.json").unlink()
    load_pretrained_backbone(resolve_config(make_values(broken)).model_configuration, SHAPE)
    assert "! hub:broken has no image converter" in caplog.text


def test_with_one_it_says_so(folder):
    (problem,) = find_problems(folder, preprocessing="tf")
    assert problem == f"hub:{folder} has its own."


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({"channels": 1}, "expected 3: "),
        ({"model_arguments": {"image_size": 64}}, "takes images of one size only"),
        ({"model_arguments": {"alpha": 0.5}}, "expected an argument of hub:"),
        (
            {"model_arguments": {"pooling": "mean"}},
            "expected 'avg', 'max', 'class_token', 'map' or null",
        ),
        ({"trainable": "transformer_block_3"}, "Did you mean 'transformer_block_"),
    ],
)
def test_what_does_not_fit_a_preset_is_said(model, message, folder):
    (problem,) = find_problems(folder, **model)
    assert message in problem


def test_only_networks_of_tokens_have_a_class_token(tmp_path):
    values = make_values("x", model_arguments={"pooling": "class_token"})
    values["model_configuration"]["model_name"] = "VGG16"
    with pytest.raises(ConfigError, match="VGG16 has no tokens"):
        resolve_config(values)
    folder = make_preset("SigLIP", str(tmp_path / "siglip"))
    (problem,) = find_problems(folder, model_arguments={"pooling": "class_token"})
    assert "has no class token" in problem


def test_without_keras_hub_the_command_that_installs_it_is_told(folder, monkeypatch):
    monkeypatch.setattr(
        optional_dependencies, "find_spec", lambda name: name != "keras_hub" and find_spec(name)
    )
    (problem,) = find_problems(folder)
    assert problem.startswith("A hub: backbone needs keras-hub. Install with: pip install")


class AnswerError(Exception):
    """What the libraries raise that download."""

    def __init__(self, status):
        super().__init__(f"{status} Client Error")
        self.response = SimpleNamespace(status_code=status)


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        (
            "hub:dinov3_vit_small_lvd1689m",
            AnswerError(403),
            r"accept its terms \(DINOv3 License\) on https://www.kaggle.com/models/keras/dinov3, "
            "and log in: an API token",
        ),
        (
            "hub:hf://some/gated",
            type("GatedRepoError", (Exception,), {})("no"),
            r"accept its terms on https://huggingface.co/some/gated, and log in: a token in HF",
        ),
        (
            "hub:kaggle://a/b/keras/c",
            AnswerError(404),
            "there is nothing at https://www.kaggle.com",
        ),
        (
            "hub:dinov2_base",
            type("ConnectionError", (OSError,), {})("..."),
            "can't be downloaded from https://www.kaggle.com/models/keras/dinov2: there is no "
            "connection",
        ),
        ("hub:dinov2_base", AnswerError(503), "its server answered 503"),
    ],
)
def test_a_download_that_fails_is_one_message(name, error, message):
    explained = explain_error(find_preset(name), error)
    assert isinstance(explained, PresetUnavailableError)
    with pytest.raises(PresetUnavailableError, match=message):
        raise explained


def test_a_preset_of_hugging_face_is_downloaded_once(folder, monkeypatch):
    asked = []

    def download(name, allow_patterns, local_files_only=False):
        asked.append((name, "*.safetensors" in allow_patterns, local_files_only))
        if local_files_only and len(asked) == 1:
            raise LocalEntryNotFoundError("nothing is there")
        return folder

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    preset = find_preset("hub:hf://some/one")
    for _ in range(2):
        assert build_network(preset, SHAPE, True).output.shape == (None, 17, 16)
    assert asked == [
        ("some/one", True, True),
        ("some/one", True, False),
        ("some/one", True, True),
    ]


def test_offline_a_known_network_has_random_weights_if_the_config_allows_it(monkeypatch):
    def fail(handle, path):
        raise type("ConnectionError", (OSError,), {})("no network")

    monkeypatch.setattr("kagglehub.model_download", fail)
    name = "deit_tiny_distilled_patch16_224_imagenet"
    with pytest.raises(PresetUnavailableError):
        load_pretrained_backbone(resolve_config(make_values(name)).model_configuration, SHAPE)
    values = make_values(name, weights={"if_unavailable": "random"})
    backbone, fallback = load_pretrained_backbone(resolve_config(values).model_configuration, SHAPE)
    assert backbone.get_layer("resizing").output.shape == (None, 224, 224, 3)
    assert (fallback.used, fallback.wanted) == ("random", f"hub:{name}")


def test_the_list_has_each_preset_with_size_images_origin_and_licence():
    text = list_catalog("backbones")
    for preset in list_presets().values():
        assert f"hub:{preset.name}" in text
        assert preset.page in text
    assert "hub:dinov2_small                    22,582,656  518x518" in text
    assert "Licence: DINOv3 License, to be accepted there before the first download" in text
    assert {preset.family for preset in list_presets().values()} == set(FAMILIES)


def test_one_preset_is_described_with_its_layers(folder):
    text = list_catalog("backbones", "hub:dinov2_small")
    assert text.startswith("hub:dinov2_small: 22,582,656 parameters, images of 518x518, from ")
    assert "layers_11   DINOV2Layer" in text
    assert "transformer_block_2" in list_catalog("backbones", f"hub:{folder}")
    with pytest.raises(UsageError, match="Did you mean 'hub:dinov2_small'"):
        list_catalog("backbones", "hub:dinov2_smal")


def test_a_checked_preset_and_the_list_need_no_tensorflow(folder, tmp_path):
    config = tmp_path / "config.json"
    config.write_text(json.dumps(make_values(folder)))
    assert main(["--config", str(config), "--check"]) == 0  # Finds the layers, once.
    code = (
        "import sys; from framework.cli.main import main;"
        f"main(['--config', {str(config)!r}, '--check']);"
        "main(['list', 'backbones']); main(['list', 'backbones', 'hub:dinov2_small']);"
        "print(sorted({'tensorflow', 'keras', 'keras_hub', 'numpy'} & set(sys.modules)))"
    )
    list_catalog("backbones", "hub:dinov2_small")
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.splitlines()[-1] == "[]"
