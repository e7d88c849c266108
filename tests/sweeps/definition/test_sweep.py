"""Sweeps as files: what they mean, and what is said of wrong ones."""

import dataclasses
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from framework.cli.main import main
from framework.config.model import TrainingConfig
from framework.errors import ConfigError
from framework.sweeps.definition.sweep import load_sweep
from framework.sweeps.definition.sweep_rules import check_metric
from tests.helpers.program import ROOT
from tests.helpers.small_sweeps import BASE, BATCH, FLAT, RATE, write_sweep

CASES = yaml.safe_load((Path(__file__).parent / "wrong_sweeps.yaml").read_text())
TRAINING_KEYS = ", ".join(field.name for field in dataclasses.fields(TrainingConfig))
SHIPPED = ROOT / "configs" / "sweep.yaml"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_wrong_sweep(case, tmp_path):
    path = write_sweep(tmp_path, case["section"])
    with pytest.raises(ConfigError) as caught:
        load_sweep(path)
    problems = [line for line in str(caught.value).splitlines() if line.startswith("  ")]
    said = [re.sub(r"^  1:\d+  ", "", problem) for problem in problems]
    expected = case["says"].replace("{keys of training_config}", TRAINING_KEYS)
    assert said == expected.splitlines()


def test_a_metric_of_which_nobody_knows_what_is_better_decides_nothing():
    (violation,) = check_metric("val_false_positives", ["val_loss", "val_false_positives"])
    assert violation.message == (
        "expected a validation metric (val_loss). Found 'val_false_positives'."
    )


def test_problems_point_at_the_value_in_the_sweep_and_at_the_key_in_the_base(tmp_path):
    (tmp_path / "base.json").write_text(json.dumps(BASE, indent=2))
    path = tmp_path / "wrong.yaml"
    path.write_text(
        "extends: base.json\n"
        "data_config:\n"
        "  dataset: digts\n"
        "sweep_config:\n"
        "  trials: 3\n"
        "  keys:\n"
        "    training_config.batchsize: {choice: [8]}\n"
        "    training_config.epochs:\n"
        "      choice:\n"
        "        few: 1\n"
        "        none: 0\n"
        "    model_configuration.model_name: {choice: [none, VGG16]}\n"
    )
    with pytest.raises(ConfigError) as caught:
        load_sweep(path)
    places = [(p.source, p.line, p.column, p.path) for p in caught.value.problems]
    base = str(tmp_path / "base.json")
    assert places == [
        (str(path), 3, 12, "data_config.dataset"),
        (str(path), 7, 5, "training_config.batchsize"),
        (str(path), 11, 15, "training_config.epochs"),
        (base, 13, 21, "data_config.image_shape.image_rows"),
        (base, 14, 24, "data_config.image_shape.image_columns"),
        (base, 15, 26, "data_config.image_shape.channel_numbers"),
    ]


def test_a_trial_is_the_base_with_its_values(tmp_path):
    layer = {"layer_type": "Flatten"}
    keys = {RATE: {"log_range": [1e-4, 1e-2]}, FLAT: {"choice": {"gone": None, "there": layer}}}
    sweep = load_sweep(write_sweep(tmp_path, {"trials": 3, "keys": keys}))
    values = sweep.make_values({RATE: 0.003, FLAT: "there"})
    assert values["training_config"] == {
        **BASE["training_config"],
        "optimizer": {"name": "Adam", "learning_rate": 0.003},
    }
    dropped = sweep.make_values({RATE: 0.003, FLAT: "gone"})["model_configuration"]
    assert list(dropped["model_top_config"]) == ["digit"]
    assert sweep.base == BASE, "the base itself stays as it is"


def test_sections_and_options_override_the_base(tmp_path):
    path = write_sweep(tmp_path, {"trials": 3, "keys": {BATCH: {"choice": [8, 16]}}})
    values = json.loads(path.read_text()) | {"training_config": {"epochs": 2}}
    path.write_text(json.dumps(values))
    sweep = load_sweep(path, ["training_config.seed=7", "sweep_config.trials=2"])
    assert sweep.base["training_config"] == {"epochs": 2, "batch_size": 16, "seed": 7}
    assert sweep.settings.trials == 2


@pytest.mark.parametrize("command", [["sweep"], []], ids=["sweep", "train"])
def test_a_sweep_is_checked_without_tensorflow_and_optuna(command):
    program = (
        "import sys; from framework.cli.main import main\n"
        "code = main(sys.argv[1:])\n"
        "heavy = {'tensorflow', 'keras', 'numpy', 'optuna'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else code)"
    )
    command = [*command, "--config", str(SHIPPED), "--check"]
    result = subprocess.run(
        [sys.executable, "-c", program, *command], cwd=ROOT, capture_output=True, text=True
    )
    assert (result.returncode, result.stdout) == (0, f"{SHIPPED}: OK\n"), result.stderr


def test_a_sweep_is_no_config_of_a_run(capsys):
    assert main(["--config", str(SHIPPED)]) == 2
    assert "it belongs to a sweep: python run.py sweep --config FILE" in capsys.readouterr().err


def test_without_optuna_the_command_says_what_to_install(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("framework.utils.optional_dependencies.find_spec", lambda module: None)
    path = write_sweep(tmp_path, {"trials": 1, "keys": {BATCH: {"choice": [8]}}})
    assert main(["sweep", "--config", str(path), "--output", str(tmp_path / "out")]) == 1
    message = "A sweep needs optuna. Install with: pip install --editable '.[sweep]'\n"
    assert capsys.readouterr().err == message
    assert not (tmp_path / "out").exists()
