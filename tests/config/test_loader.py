"""Valid configs: what they mean, and that nothing is lost on the way out and in again."""

import json
from pathlib import Path

import pytest

from framework.config import dump_config, load_config, resolve_config
from framework.config.model import KerasObject, TopLayer
from framework.errors import ConfigError

ROOT = Path(__file__).parents[2]
CONFIGS = sorted(  # But for the sweep, which is no config of a run.
    path
    for path in (ROOT / "configs").iterdir()
    if path.suffix in (".json", ".yaml", ".yml") and path.stem != "sweep"
)

PUBLISHED = {
    "training_config": {
        "enable_training": True,
        "epochs": 25,
        "batch_size": 32,
        "call_backs_conf": {"EarlyStopping": {"patience": 5, "verbose": 1}},
    },
    "data_config": {
        "image_shape": {"image_rows": 32, "image_columns": 32, "channel_numbers": 3},
        "data_augmentation": {"rotation_range": 10},
    },
    "model_configuration": {
        "model_name": "VGG16",
        "model_top_config": {
            "Flatten_Layer": {"initializing_parameters": {}, "layer_type": "Flatten"},
            "dense_1": {
                "initializing_parameters": {"units": 1000, "activation": "relu"},
                "input_layer": "Flatten_Layer",
                "layer_type": "Dense",
            },
            "dense_2": {
                "initializing_parameters": {"units": 10, "activation": "softmax"},
                "input_layer": "dense_1",
                "layer_type": "Dense",
            },
        },
    },
}


def with_top(**layers):
    model = {"model_name": "VGG16", "model_top_config": layers}
    return {"training_config": {}, "data_config": {}, "model_configuration": model}


SOFTMAX = {
    "layer_type": "Dense",
    "initializing_parameters": {"units": 10, "activation": "softmax"},
}


def test_the_published_config_means_what_it_always_meant():
    config = resolve_config(PUBLISHED)
    assert config.training_config.optimizer == KerasObject("Adam")
    assert config.training_config.loss == KerasObject("sparse_categorical_crossentropy")
    assert config.data_config.dataset.name == "mnist"
    assert config.data_config.image_shape.as_tuple == (32, 32, 3)
    assert config.model_configuration.weights.name == "imagenet"
    assert config.model_configuration.model_top_config == {
        "Flatten_Layer": TopLayer("Flatten", {}, "backbone"),
        "dense_1": TopLayer("Dense", {"units": 1000, "activation": "relu"}, "Flatten_Layer"),
        "dense_2": TopLayer("Dense", {"units": 10, "activation": "softmax"}, "dense_1"),
    }


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_a_shipped_config_survives_dump_and_parse(path, tmp_path):
    config = load_config(path)
    copy = tmp_path / "config.json"
    copy.write_text(json.dumps(dump_config(config), indent=2))
    assert load_config(copy) == config


def test_a_dump_spells_out_every_default():
    dumped = dump_config(resolve_config(PUBLISHED))
    assert dumped["training_config"]["feature_cache"]["mode"] == "auto"
    assert dumped["data_config"]["dataset"]["if_unavailable"] is None
    assert dumped["model_configuration"]["model_top_config"]["dense_1"]["input_layer"] == (
        "Flatten_Layer"
    )
    assert dumped["report_config"]["grad_cam"] is False


def test_json_and_yaml_say_the_same(tmp_path):
    yaml = tmp_path / "a.yaml"
    yaml.write_text(
        "training_config: {epochs: 25, batch_size: 32, enable_training: true,\n"
        "  call_backs_conf: {EarlyStopping: {patience: 5, verbose: 1}}}\n"
        "data_config:\n"
        "  image_shape: {image_rows: 32, image_columns: 32, channel_numbers: 3}\n"
        "  data_augmentation: {rotation_range: 10}\n"
        "model_configuration:\n"
        "  model_name: VGG16\n"
        "  model_top_config:\n"
        "    Flatten_Layer: {layer_type: Flatten}\n"
        "    dense_1:\n"
        "      {layer_type: Dense, initializing_parameters: {units: 1000, activation: relu}}\n"
        "    dense_2: {layer_type: Dense, initializing_parameters:\n"
        "      {units: 10, activation: softmax}}\n"
    )
    assert load_config(yaml) == resolve_config(PUBLISHED)


def test_layers_may_stand_in_any_order_and_come_out_after_their_inputs():
    top = with_top(
        out={**SOFTMAX, "input_layer": "join"},
        join={"layer_type": "Concatenate", "input_layer": ["deep", "middle"]},
        deep={"layer_type": "GlobalAveragePooling2D", "input_layer": "block5_pool"},
        middle={"layer_type": "GlobalAveragePooling2D", "input_layer": "block4_pool"},
    )
    layers = resolve_config(top).model_configuration.model_top_config
    assert list(layers) == ["deep", "middle", "join", "out"]
    assert layers["join"].input_layer == ("deep", "middle")


@pytest.mark.parametrize(
    "arguments",
    [
        {"kernel_regularizer": "l2"},
        {"kernel_regularizer": {"class_name": "L2", "config": {"l2": 1e-4}}},
        {"kernel_initializer": {"class_name": "HeNormal"}},
        {"bias_constraint": "non_neg", "dtype": "float32"},
    ],
)
def test_arguments_that_are_objects(arguments):
    layer = {"layer_type": "Dense", "initializing_parameters": {"units": 3, **arguments}}
    values = with_top(flat={"layer_type": "Flatten"}, layer=layer, out=SOFTMAX)
    layers = resolve_config(values).model_configuration.model_top_config
    assert layers["layer"].initializing_parameters == {"units": 3, **arguments}


@pytest.mark.parametrize(
    "end",
    [
        {"a": {"layer_type": "Dense", "initializing_parameters": {"units": 10}},
         "b": {"layer_type": "Softmax"}},
        {"a": {"layer_type": "Dense", "initializing_parameters": {"units": "classes"}},
         "b": {"layer_type": "Softmax", "initializing_parameters": {"axis": 1}}},
        {"a": SOFTMAX, "b": {**SOFTMAX, "input_layer": "backbone"},
         "c": {"layer_type": "Average", "input_layer": ["a", "b"]}},
        {"a": {"layer_type": "Conv2D", "initializing_parameters":
            {"filters": 10, "kernel_size": 1, "activation": "softmax"}},
         "b": {"layer_type": "GlobalAveragePooling2D"}},
    ],
)  # fmt: skip
def test_ends_that_give_probabilities(end):
    resolve_config(with_top(**end))


def test_accuracy_is_always_measured_and_so_never_listed():
    values = {**PUBLISHED, "training_config": {"metrics": ["accuracy"]}}
    assert resolve_config(values).training_config.metrics == ()


@pytest.mark.parametrize("given", [{}, {"weights": "imagenet"}])
def test_a_network_without_backbone_names_no_weights(given):
    top = {"a": {"layer_type": "Flatten"}, "b": {**SOFTMAX, "input_layer": "a"}}
    model = {"model_name": "none", "model_top_config": top, **given}
    config = resolve_config({**PUBLISHED, "model_configuration": model})
    assert "imagenet" not in json.dumps(dump_config(config))
    assert resolve_config(dump_config(config)) == config


def test_null_stands_for_none_of_these():
    empty = {"call_backs_conf": None, "metrics": None, "class_weight": None, "fine_tuning": None}
    values = {**PUBLISHED, "training_config": empty}
    training = resolve_config(values).training_config
    assert (training.call_backs_conf, training.metrics, training.fine_tuning) == ({}, (), None)


def test_later_floors_report_problems_at_the_line(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(PUBLISHED, indent=2))
    source_map = load_config(path).source_map
    dense = ("model_configuration", "model_top_config", "dense_2")
    assert str(source_map.make_problem((*dense, "layer_type"), "Oh.")).startswith("44:23  ")
    assert str(source_map.make_problem((*dense, "gone", "x"), "Oh.")).startswith("38:18  ")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([], "expected an object with sections"),
        ({"extends": "a.json"}, "extends: only a file can extend another: its path is relative"),
        ({"training_config": {"seed": {1}}}, "a config can't hold a value of the type set"),
    ],
)
def test_values_that_are_no_config(values, said):
    with pytest.raises(ConfigError) as caught:
        resolve_config(values, source="the config of a run")
    assert str(caught.value).startswith(f"the config of a run: 1 problem\n  {said}")
