"""The schema for editors: it takes every config that is a file, and what is wrong in one it sees.

What VS Code completes by it: `make check-editors`.
"""

import json

import jsonschema
import pytest

from framework.cli.main import main
from framework.config.parse.document import read_document
from tests.config.test_loader import PUBLISHED
from tests.helpers.program import ROOT

CONFIGS = sorted([*(ROOT / "configs").glob("*.json"), *(ROOT / "configs").glob("*.yaml")])


@pytest.fixture(scope="module")
def schema():
    from framework.sweeps.definition.editor_schema import make_editor_schema

    return make_editor_schema()


@pytest.fixture(scope="module")
def validator(schema):
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_command_prints_it(schema, capsys):
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(schema))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_every_shipped_config_is_right(validator, path):
    validator.validate(read_document(path).values)


@pytest.mark.parametrize(
    "values",
    [
        {"extends": "a.json", "training_config": {"fine_tuning": {"epochs": 3}}},
        {"extends": "a.json", "training_config": {"call_backs_conf": {"EarlyStopping": None}}},
        {"extends": "a.json", "data_config": {"data_augmentation": {"rotation_range": None}}},
        {"extends": "a.json", "model_configuration": {"model_name": "a/mine.keras"}},
        {
            "extends": "a.json",
            "model_configuration": {"model_top_config": {"a": None, "b": {"input_layer": "c"}}},
        },
    ],
)
def test_a_config_that_extends_another_may_be_a_part(validator, values):
    validator.validate(values)
    del values["extends"]
    assert not validator.is_valid(values)


@pytest.mark.parametrize(
    "values",
    [
        {**PUBLISHED, "sweep_config": {"sampler": "grd", "keys": {"a.b": {"choice": [1]}}}},
        {**PUBLISHED, "epochs": 3},
        {"extends": "a.json", "training_config": {"epochs": "many"}},
        {"extends": "a.json", "training_config": {"optimizer": "Adm"}},
        {"extends": "a.json", "training_config": {"optimizer": {"name": "Adam", "lr": 1}}},
        {"extends": "a.json", "data_config": {"dataset": "mnits"}},
        {"extends": "a.json", "model_configuration": {"model_name": "VGG61"}},
    ],
)
def test_what_is_wrong_is_seen(validator, values):
    assert not validator.is_valid(values)


def test_short_forms_and_objects_are_alternatives_that_editors_complete(schema):
    training = schema["$defs"]["TrainingConfig"]["properties"]
    for choices, name in (
        (training["optimizer"], "AdamW"),
        (training["loss"], "sparse_categorical_crossentropy"),
        (training["metrics"]["items"], "f1_score"),
    ):
        short, whole = choices["anyOf"]
        assert name in short["enum"]
        assert whole["type"] == "object"
    application, file = schema["$defs"]["ModelConfiguration"]["properties"]["model_name"]["anyOf"]
    assert "VGG16" in application["enum"]
    assert file["pattern"]
    assert schema["$defs"]["DataConfig"]["properties"]["dataset"]["default"] == "mnist"
    assert schema["$defs"]["ModelConfiguration"]["properties"]["weights"]["default"] == "imagenet"
    assert not any(key.startswith("x-") for key in schema)
