"""The JSON Schema: valid by the standard, and as strict as the framework."""

import json

import jsonschema
import pytest

from framework.config import catalog, dump_config, resolve_config
from framework.config.schema.config_schema import make_schema
from tests.config.test_loader import PUBLISHED


@pytest.fixture(scope="module")
def schema():
    return make_schema()


def test_it_is_a_json_schema_of_2020_12(schema):
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(schema)
    json.dumps(schema, allow_nan=False)


def test_an_editor_accepts_what_the_framework_accepts(schema):
    validator = jsonschema.Draft202012Validator(schema)
    validator.validate(PUBLISHED)
    validator.validate({"$schema": "schema.json", "extends": "a.json", **PUBLISHED})
    validator.validate(dump_config(resolve_config(PUBLISHED)))


def test_an_editor_sees_what_is_wrong_inside_a_layer(schema):
    wrong = json.loads(json.dumps(PUBLISHED))
    layer = wrong["model_configuration"]["model_top_config"]["dense_1"]
    layer["initializing_parameters"]["activation"] = "reluu"
    errors = list(jsonschema.Draft202012Validator(schema).iter_errors(wrong))
    assert [error.json_path for error in errors] == [
        "$.model_configuration.model_top_config.dense_1.initializing_parameters.activation"
    ]


def test_every_key_and_argument_is_described(schema):
    keys = schema["$defs"]["TrainingConfig"]["properties"]
    assert keys["epochs"]["description"]
    assert keys["epochs"]["default"] == 25
    units = schema["$defs"]["layers.Dense"]["properties"]["units"]
    assert units["description"] == "Positive integer, dimensionality of the output space"
    for name in catalog.list_names("layers"):
        assert f"layers.{name}" in schema["$defs"]
