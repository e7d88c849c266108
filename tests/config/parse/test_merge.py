"""Configs that extend others, and options that override keys."""

import dataclasses
import json
from pathlib import Path

import pytest

from framework.config import load_config
from framework.config.model import TrainingConfig
from framework.errors import ConfigError

TRAINING_KEYS = ", ".join(field.name for field in dataclasses.fields(TrainingConfig))
PHOTOS = {"name": "folder", "path": "photos"}
VALID = Path(__file__).parents[1] / "valid.json"


@pytest.fixture
def write(tmp_path):
    """Write a config beside `base.json`, a copy of the valid one."""
    (tmp_path / "base.json").write_text(VALID.read_text())

    def write_file(name, **values):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(values))
        return path

    return write_file


def explain(path, *overrides):
    with pytest.raises(ConfigError) as caught:
        load_config(path, overrides)
    return str(caught.value)


def test_a_config_extends_another_key_by_key(write):
    path = write("a.json", extends="base.json", training_config={"epochs": 3})
    config = load_config(path)
    assert config.training_config.epochs == 3
    assert config.training_config.batch_size == 32
    assert list(config.model_configuration.model_top_config) == ["flatten", "dense_1", "dense_2"]


def test_paths_are_relative_to_the_file_that_names_them(write):
    write("middle/b.json", extends="../base.json", training_config={"epochs": 3, "batch_size": 8})
    config = load_config(write("a.json", extends="middle/b.json", training_config={"epochs": 4}))
    assert (config.training_config.epochs, config.training_config.batch_size) == (4, 8)


def test_the_path_of_the_data_begins_at_its_file_then_at_the_working_directory(
    write, tmp_path, monkeypatch
):
    base = write("folder/b.json", extends="../base.json", data_config={"dataset": PHOTOS})
    path = write("a.json", extends="folder/b.json")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")

    def read(path, *overrides):
        return load_config(path, overrides).data_config.dataset.path

    assert read(path) == "photos"  # There is none: what was written is in the message.
    for place in (tmp_path / "work", tmp_path / "folder"):
        (place / "photos").mkdir()
        assert read(path) == read(base) == str(place / "photos")
    option = "data_config.dataset.path=photos"
    assert read(path, option) == str(tmp_path / "work" / "photos")


def test_an_object_that_names_another_thing_replaces_its_base(write):
    path = write("a.json", extends="base.json", training_config={"optimizer": {"name": "SGD"}})
    assert load_config(path).training_config.optimizer.arguments == {}


def test_null_drops_an_entry_of_the_base(write):
    top = {"dense_1": None, "dense_2": {"input_layer": "flatten"}}
    path = write(
        "a.json",
        extends="base.json",
        training_config={"call_backs_conf": {"EarlyStopping": None}},
        model_configuration={"model_top_config": top},
    )
    config = load_config(path)
    assert config.training_config.call_backs_conf == {}
    assert list(config.model_configuration.model_top_config) == ["flatten", "dense_2"]


def test_problems_name_the_file_that_the_value_came_from(write, tmp_path):
    base = write("b.json", extends="base.json", training_config={"epochs": "3"})
    path = write("a.json", extends="b.json", training_config={"batch_size": 0})
    assert explain(path).splitlines() == [
        f"{path}: 1 problem",
        "  1:57  training_config.batch_size: expected a positive integer. Found 0.",
        f"{base}: 1 problem",
        "  1:56  training_config.epochs: expected a positive integer. Found '3'. "
        "Did you mean 3, without quotes?",
    ]


def test_configs_that_extend_each_other_in_a_circle(write, tmp_path):
    write("b.json", extends="a.json")
    path = write("a.json", extends="b.json")
    assert explain(path).splitlines()[1] == (
        "  1:13  extends: the configs extend each other in a cycle: a.json -> b.json -> a.json"
    )


@pytest.mark.parametrize(
    ("extends", "said"),
    [
        ("gone.json", "expected a config file. There is no '{folder}/gone.json'."),
        (3, "expected the path of another config. Found 3."),
        ("", "expected the path of another config. Found ''."),
    ],
)
def test_a_base_that_is_none(write, tmp_path, extends, said):
    path = write("a.json", extends=extends)
    assert explain(path) == f"{path}: 1 problem\n  1:13  extends: " + said.format(folder=tmp_path)


@pytest.mark.parametrize(
    ("override", "read"),
    [
        ("training_config.epochs=3", lambda c: c.training_config.epochs == 3),
        ("training_config.optimizer.learning_rate=1e-3", lambda c: c.training_config.optimizer
            .arguments == {"learning_rate": 1e-3}),
        ("training_config.optimizer=SGD", lambda c: c.training_config.optimizer.name == "SGD"),
        ("training_config.loss.label_smoothing=0.1", None),
        ("data_config.dataset.path=a b.npz", lambda c: (c.data_config.dataset.name,
            c.data_config.dataset.path) == ("mnist", "a b.npz")),
        ("data_config.limit={train: 200, test: 10}", lambda c: c.data_config.limit.train == 200),
        ("data_config.limit=null", lambda c: c.data_config.limit.train is None),
        ("model_configuration.weights=null", lambda c: c.model_configuration.weights.name is None),
        ("model_configuration.weights.if_unavailable=random", lambda c:
            c.model_configuration.weights.name == "imagenet"),
        ("training_config.call_backs_conf.EarlyStopping=null", lambda c:
            c.training_config.call_backs_conf == {}),
        ("training_config.call_backs_conf.TerminateOnNaN={}", lambda c:
            list(c.training_config.call_backs_conf) == ["EarlyStopping", "TerminateOnNaN"]),
        ("model_configuration.model_top_config.dense_1.initializing_parameters.units=7", lambda c:
            c.model_configuration.model_top_config["dense_1"]
            .initializing_parameters["units"] == 7),
        ("report_config.grad_cam=true", lambda c: c.report_config.grad_cam),
    ],
)  # fmt: skip
def test_an_option_sets_a_key(override, read):
    if read is None:
        assert "label_smoothing" in explain(VALID, override)
    else:
        assert read(load_config(VALID, [override]))


def test_an_option_sets_an_element_of_a_list(write):
    metric = {"name": "sparse_top_k_categorical_accuracy", "k": 5}
    path = write("a.json", extends="base.json", training_config={"metrics": [metric]})
    config = load_config(path, ["training_config.metrics.0.k=3"])
    assert config.training_config.metrics[0].arguments == {"k": 3}
    assert explain(path, "training_config.metrics.1.k=3") == (
        "--set training_config.metrics.1.k=3: 1 problem\n"
        "  training_config.metrics.1: expected an index of the list, 0 to 0. Found '1'."
    )


@pytest.mark.parametrize(
    ("override", "said"),
    [
        (
            "training_config.epochs=x",
            "training_config.epochs: expected a positive integer. Found 'x'.",
        ),
        (
            "training_config.epoch=3",
            f"training_config.epoch: expected one of the keys {TRAINING_KEYS}. Found 'epoch'. "
            "Did you mean 'epochs'?",
        ),
        (
            "model_configuration.model_name=vgg19",
            "model_configuration.model_name: expected a backbone. Found 'vgg19'. "
            "Did you mean 'VGG19'?",
        ),
        (
            "training_config.epochs.x=3",
            "training_config.epochs: expected an object that takes keys. Found 25.",
        ),
        ("training_config.epochs", "expected KEY=VALUE, such as training_config.epochs=3"),
        ("=3", "expected KEY=VALUE, such as training_config.epochs=3"),
        ("a..b=3", "expected KEY=VALUE, such as training_config.epochs=3"),
        (
            "training_config.epochs=[3",
            "training_config.epochs: not valid YAML: expected ',' or ']', but got '<stream end>' "
            "(while parsing a flow sequence)",
        ),
        (
            "extends=base.json",
            "extends: a config extends another in its file, not by an option",
        ),
    ],
)
def test_problems_name_the_option(override, said):
    assert explain(VALID, override) == f"--set {override}: 1 problem\n  {said}"


def test_a_problem_with_an_option_is_not_one_of_the_base(write):
    path = write("a.json", extends="base.json")
    first, second = explain(path, "trainig_config.x=3").splitlines()
    assert first == "--set trainig_config.x=3: 1 problem"
    assert "Found 'trainig_config'. Did you mean 'training_config'?" in second


def test_an_empty_list_has_no_elements_to_set(write):
    path = write("a.json", extends="base.json", training_config={"metrics": []})
    assert explain(path, "training_config.metrics.0.k=3").endswith(
        "training_config.metrics.0: the list is empty: set it as a whole, with [...]"
    )
