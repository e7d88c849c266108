"""No callback of a config writes outside the run directory."""

import json

import pytest

from framework.config import load_config
from framework.errors import ConfigError

ARGUMENTS = {"ModelCheckpoint": "filepath", "CSVLogger": "filename", "TensorBoard": "log_dir"}


def load(tmp_path, callback, value):
    units = {"units": 10, "activation": "softmax"}
    top = {"digit": {"layer_type": "Dense", "initializing_parameters": units}}
    config = {
        "training_config": {"call_backs_conf": {callback: {ARGUMENTS[callback]: value}}},
        "data_config": {},
        "model_configuration": {"model_name": "VGG16", "model_top_config": top},
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    return load_config(tmp_path / "config.json")


@pytest.mark.parametrize("callback", ARGUMENTS)
@pytest.mark.parametrize(
    "path",
    ["/etc/{}", "../{}", "logs/../../{}", "~/{}", "~root/{}", "C:\\{}", "..\\{}", "\\\\host\\{}"],
)
def test_a_path_outside_the_run_directory_is_refused(tmp_path, callback, path):
    with pytest.raises(ConfigError, match="expected a path inside the run directory"):
        load(tmp_path, callback, path.format("best.keras"))


@pytest.mark.parametrize("callback", ARGUMENTS)
def test_a_path_inside_the_run_directory_is_accepted(tmp_path, callback):
    load(tmp_path, callback, "deeper/best.keras")
