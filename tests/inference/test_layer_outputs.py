import json

import keras
import numpy as np
import pytest
from PIL import Image

from framework.cli.main import main
from framework.data.registry import load_digits

CONFIG = {
    "training_config": {},
    "data_config": {},
    "model_configuration": {
        "model_name": "VGG16",
        "weights": None,
        "model_top_config": {
            "flatten": {"layer_type": "Flatten"},
            "dense": {
                "layer_type": "Dense",
                "initializing_parameters": {"units": 10, "activation": "softmax"},
            },
        },
    },
}


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(CONFIG))
    return path


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    random = np.random.default_rng(0)
    for name in ("a", "b", "c"):
        pixels = random.integers(0, 256, (40, 50, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{name}.png")
    return folder


def write(*arguments):
    return main(["features", *map(str, arguments)])


def test_a_layer_gives_what_plain_keras_computes(config, pictures, tmp_path):
    output = tmp_path / "f.npz"
    assert write("--config", config, "--layer", "block2_pool", pictures, "--output", output) == 0
    with np.load(output, allow_pickle=False) as archive:
        features, paths, layer = archive["features"], archive["paths"], archive["layer"]
    assert features.shape == (3, 8, 8, 128)
    assert features.dtype == np.float32
    assert list(paths) == [str(pictures / f"{name}.png") for name in "abc"]
    assert str(layer) == "block2_pool"

    from framework.config import load_config
    from framework.inference.layer_outputs import build_extractor

    ours = build_extractor(load_config(config), "block2_pool").model
    plain = keras.applications.VGG16(weights=None, include_top=False, input_shape=(32, 32, 3))
    for layer in plain.layers[1:7]:
        if layer.weights:
            layer.set_weights(ours.get_layer(layer.name).get_weights())
    images = [
        np.asarray(Image.open(path).resize((32, 32), Image.Resampling.BILINEAR), np.float32)
        for path in paths
    ]
    expected = keras.Model(plain.input, plain.get_layer("block2_pool").output).predict(
        keras.applications.vgg16.preprocess_input(np.stack(images)), verbose=0
    )
    np.testing.assert_allclose(features, expected, rtol=1e-3, atol=1e-3)


def test_another_size_and_another_backbone(config, pictures, tmp_path):
    output = tmp_path / "f.npz"
    code = write(
        "--config", config, "--set", "model_configuration.model_name=VGG19", "--layer",
        "block4_pool", "--size", 224, pictures / "a.png", "--output", output,
    )  # fmt: skip
    assert code == 0
    with np.load(output) as archive:
        assert archive["features"].shape == (1, 14, 14, 512)


def test_a_broken_picture_is_left_out_with_a_warning(config, pictures, tmp_path, capsys):
    (pictures / "b.png").write_text("text")
    output = tmp_path / "f.npz"
    assert write("--config", config, "--layer", "block1_pool", pictures, "--output", output) == 1
    with np.load(output) as archive:
        assert [path[-5:] for path in archive["paths"]] == ["a.png", "c.png"]
        assert len(archive["features"]) == 2
    assert "b.png: is not a picture" in capsys.readouterr().out


def test_an_unknown_layer_gets_a_suggestion(config, pictures, tmp_path, capsys):
    code = write(
        "--config", config, "--layer", "block4_pol", pictures, "--output", tmp_path / "f.npz"
    )
    assert code == 2
    assert capsys.readouterr().err == (
        "--layer: VGG16 has no layer 'block4_pol'. Did you mean 'block4_pool'?\n"
    )


def test_no_file_is_left_if_no_image_can_be_read(config, tmp_path, capsys):
    (tmp_path / "pictures").mkdir()
    broken = tmp_path / "pictures" / "a.png"
    broken.write_text("text")
    code = write("--config", config, "--layer", "block1_pool", broken, "--output",
                 tmp_path / "pictures" / "f.npz")  # fmt: skip
    assert code == 1
    assert "None of the pictures could be read." in capsys.readouterr().err
    assert list((tmp_path / "pictures").iterdir()) == [broken]


def test_the_output_must_be_an_npz_file_in_a_folder_that_exists(config, pictures, tmp_path, capsys):
    command = ("--config", config, "--layer", "block1_pool", pictures, "--output")
    assert write(*command, tmp_path / "f.npy") == 2
    assert "--output: expected a file that ends in .npz." in capsys.readouterr().err
    assert write(*command, tmp_path / "none" / "f.npz") == 1
    assert "f.npz: cannot be written" in capsys.readouterr().err


def test_a_size_that_the_backbone_does_not_take_is_an_error(config, pictures, tmp_path, capsys):
    command = ("--config", config, "--layer", "block1_pool", pictures)
    assert write(*command, "--size", 8, "--output", tmp_path / "f.npz") == 2
    assert capsys.readouterr().err == (
        "--size: expected at least 32: VGG16 takes no smaller images. Found 8.\n"
    )


def test_a_config_without_a_backbone_is_an_error(digits_run, pictures, tmp_path, capsys):
    command = ("--config", digits_run / "config.json", "--layer", "dense", pictures)
    assert write(*command, "--output", tmp_path / "f.npz") == 2
    assert capsys.readouterr().err == (
        "--config: it names no backbone, so there is no layer to take.\n"
    )


def test_a_run_gives_the_features_that_it_was_trained_to(digits_run, trained, tmp_path):
    image = load_digits().test.images[0]
    Image.fromarray(image).save(tmp_path / "digit.png")
    output = tmp_path / "f.npz"
    assert write("--run", digits_run, "--layer", "conv", tmp_path, "--output", output) == 0
    with np.load(output, allow_pickle=False) as archive:
        features, weights = archive["features"], str(archive["weights"])
        assert archive["substitutions"].tolist() == []
    network = trained.classifier.model
    prepared = np.repeat(trained.resize(image)[np.newaxis], 3, axis=-1).astype(np.float32)
    expected = keras.Model(network.input, network.get_layer("conv").output)(prepared)
    np.testing.assert_allclose(features, expected, atol=1e-4)
    assert weights == f"those of the run {digits_run}"


def test_weights_and_substitutions_are_recorded(config, pictures, tmp_path):
    values = json.loads(config.read_text())
    values["model_configuration"]["weights"] = {"name": "imagenet", "if_unavailable": "random"}
    config.write_text(json.dumps(values))
    output = tmp_path / "f.npz"
    assert write("--config", config, "--layer", "block1_pool", pictures, "--output", output) == 0
    with np.load(output, allow_pickle=False) as archive:
        assert str(archive["weights"]) == "random weights"
        (substitution,) = archive["substitutions"]
    assert substitution.startswith("random weights in place of imagenet: ")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "Name a config with --config, or a finished run with --run."),
        (("--config", "{config}", "--run", "{run}"), "Name a config with --config, or"),
        (("--run", "{run}", "--size", "64"), "--set and --size go with --config"),
        (("--run", "{run}"), "has no layer 'cnv'. Did you mean 'conv'?"),
    ],
)
def test_a_config_or_a_run_is_named(
    digits_run, config, pictures, tmp_path, capsys, options, message
):
    words = [word.format(config=config, run=digits_run) for word in options]
    assert write(*words, "--layer", "cnv", pictures, "--output", tmp_path / "f.npz") == 2
    assert message in capsys.readouterr().err
