"""Each wrong config, with all problems that are reported."""

import dataclasses
from pathlib import Path

import pytest
import yaml

from framework.config import load_config
from framework.config.model import TrainingConfig
from framework.errors import ConfigError

HERE = Path(__file__).parent
VALID = (HERE / "valid.json").read_text()
CASES = yaml.safe_load((HERE / "wrong_configs.yaml").read_text())
TRAINING_KEYS = ", ".join(field.name for field in dataclasses.fields(TrainingConfig))


def test_the_config_that_the_cases_change_is_valid():
    load_config(HERE / "valid.json")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_wrong_config(case, tmp_path):
    assert case["replace"] in VALID
    path = tmp_path / "wrong.json"
    path.write_text(VALID.replace(case["replace"], case["by"], 1))
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    said = case["says"].replace("{keys of training_config}", TRAINING_KEYS).splitlines()
    noun = "problem" if len(said) == 1 else "problems"
    assert str(caught.value).splitlines() == [
        f"{path}: {len(said)} {noun}",
        *(f"  {line}" for line in said),
    ]


def test_all_problems_are_reported_at_once(tmp_path):
    path = tmp_path / "wrong.json"
    changed = VALID.replace('"batch_size": 32', '"epochs": 3')
    changed = changed.replace('"VGG16"', '"VGG61"').replace(
        '"input_layer": "dense_1"', '"input": 3'
    )
    path.write_text(changed.replace('"epochs": 3', '"epochs": true'))
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert [problem.path for problem in caught.value.problems] == [
        "training_config.epochs",
        "training_config.epochs",
        "model_configuration.model_name",
        "model_configuration.model_top_config.dense_2.input",
    ]
