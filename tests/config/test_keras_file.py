"""Networks in `.keras` files, as a config reads them: without Keras, with one message each."""

import json
import zipfile

import pytest

from framework.config import dump_config, resolve_config
from framework.config.keras_file import find_application, read_keras_file
from framework.config.listing import list_catalog
from framework.errors import ConfigError, UsageError


def make_layer(kind, name, **config):
    return {"class_name": kind, "config": {"name": name, **config}, "inbound_nodes": [{}]}


def make_model(kind, name, layers, **config):
    ends = {"input_layers": [["image", 0, 0]], "output_layers": [["end", 0, 0]]}
    return make_layer(
        kind, name, layers=layers, **({**ends, **config} if kind == "Functional" else {})
    )


IMAGE = make_layer("InputLayer", "image", batch_shape=[None, 32, 32, 3])


def write_file(path, *layers, kind="Functional", **config):
    root = make_model(kind, "mine", [IMAGE, *layers], **config)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(root))
    return str(path)


@pytest.fixture
def keras_file(tmp_path):
    base = make_model("Functional", "vgg16", [IMAGE, make_layer("Conv2D", "block1_conv1")])
    return write_file(tmp_path / "mine.keras", base, make_layer("Dense", "end"))


def make_values(name, **model):
    return {
        "training_config": {},
        "data_config": {"image_shape": {"image_rows": 32, "image_columns": 32}},
        "model_configuration": {
            "model_name": name,
            "model_top_config": {
                "flat": {"layer_type": "Flatten", "input_layer": "block1_conv1"},
                "classes": {
                    "layer_type": "Dense",
                    "initializing_parameters": {"units": "classes", "activation": "softmax"},
                },
            },
            **model,
        },
    }


def find_problems(values):
    with pytest.raises(ConfigError) as caught:
        resolve_config(values)
    return "\n".join(str(caught.value).splitlines()[1:])


def test_the_layers_of_a_nested_model_are_read_by_name(keras_file):
    file = read_keras_file(keras_file)
    assert list(file.layers.items()) == [("block1_conv1", "Conv2D"), ("end", "Dense")]
    assert file.flattened == {"vgg16"}
    assert find_application(file.names, ("VGG16", "VGG19", "ResNet50")) == "VGG16"
    config = resolve_config(make_values(keras_file))
    assert config.model_configuration.weights.name == keras_file
    assert resolve_config(dump_config(config)) == config
    assert "block1_conv1  Conv2D" in list_catalog("backbones", keras_file)


def test_a_nested_model_whose_names_are_taken_stays_one_layer(tmp_path):
    base = make_model("Functional", "base", [IMAGE, make_layer("Conv2D", "end")])
    file = read_keras_file(write_file(tmp_path / "a.keras", base, make_layer("Dense", "end")))
    assert list(file.layers.items()) == [("base", "Functional"), ("end", "Dense")]
    assert file.kept == {"base": "another layer is called end, too"}


@pytest.mark.parametrize("kind", ["Rescaling", "Normalization", "GetItem"])
def test_a_network_that_scales_images_needs_no_preprocessing(kind, tmp_path):
    flip, convolution = make_layer("RandomFlip", "flip"), make_layer("Conv2D", "block1_conv1")
    name = write_file(tmp_path / "a.keras", flip, make_layer(kind, "scale"), convolution)
    assert read_keras_file(name).scales
    assert find_problems(make_values(name, preprocessing="caffe")) == (
        "  model_configuration.preprocessing: expected 'none': a.keras prepares images itself."
    )


@pytest.mark.parametrize(
    ("names", "application"),
    [
        (("mobilenetv2_1.00_224",), "MobileNetV2"),
        (("sequential", "resnet50v2"), "ResNet50V2"),
        (("efficientnetv2-b0",), "EfficientNetV2B0"),
        (("functional_3",), None),
    ],
)
def test_the_application_is_known_by_the_name_of_its_model(names, application):
    known = ("MobileNet", "MobileNetV2", "ResNet50", "ResNet50V2", "EfficientNetV2B0")
    assert find_application(names, known) == application


def test_what_cannot_be_a_backbone_is_one_message(tmp_path):
    missing, damaged = tmp_path / "missing.keras", tmp_path / "damaged.keras"
    damaged.write_bytes(b"PK\x03\x04 half a download")
    own = write_file(tmp_path / "own.keras", kind="MyModel")
    two = write_file(
        tmp_path / "two.keras", make_layer("InputLayer", "other", batch_shape=[None, 3])
    )
    for name, said in (
        (missing, f"there is no file {missing}."),
        (damaged, f"{damaged} can't be read as a Keras model; it may be truncated or damaged."),
        (own, f"{own} holds a MyModel, whose layers only its own code can join: "
              "expected a functional or sequential model."),
        (two, f"{two} has 2 inputs and 1 outputs: expected one image and one output."),
    ):  # fmt: skip
        first = find_problems(make_values(str(name))).splitlines()[0]
        assert first == f"  model_configuration.model_name: {said}"
        with pytest.raises(UsageError) as caught:
            list_catalog("backbones", str(name))
        assert str(caught.value) == said


@pytest.mark.parametrize(
    "content",
    [
        "[]",
        "{}",
        '{"class_name": "Functional"}',
        '{"class_name": "Functional", "config": {"layers": [{}]}}',
        '{"class_name": "Functional", "config": {"layers": 3}}',
        '{"class_name": "Functional", "config": null}',
    ],
)
def test_a_file_of_another_form_is_one_message(content, tmp_path):
    path = tmp_path / "odd.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", content)
    first = find_problems(make_values(str(path))).splitlines()[0]
    assert first.endswith("can't be read as a Keras model; it may be truncated or damaged.")


def test_images_of_another_size_are_refused_where_it_is_fixed(keras_file):
    values = make_values(keras_file)
    values["data_config"]["image_shape"]["image_rows"] = 40
    assert find_problems(values) == (
        "  data_config.image_shape.image_rows: expected 32, the size that mine.keras was built "
        "for. Found 40."
    )


def test_an_application_has_a_preprocessing_of_its_own():
    values = make_values("VGG16", preprocessing="tf")
    assert find_problems(values) == (
        "  model_configuration.preprocessing: only for the .keras file of a network: VGG16 has "
        "its own."
    )


@pytest.mark.parametrize(
    "given", ["tensorflow", {"offset": 1}, {"scale": "big"}, {"scale": [1, 2]}]
)
def test_a_preprocessing_is_one_of_four_or_numbers(given, keras_file):
    assert "model_configuration.preprocessing" in find_problems(
        make_values(keras_file, preprocessing=given)
    )


def test_a_misspelt_application_is_no_file():
    assert "Did you mean 'VGG16'?" in find_problems(make_values("VGG61"))
