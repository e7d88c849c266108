"""Which tops can be calibrated by a temperature."""

import pytest
import yaml

from framework.config import load_config
from framework.errors import ConfigError

DENSE = {"layer_type": "Dense", "initializing_parameters": {"units": 10}}
SOFTMAX = {"layer_type": "Dense", "initializing_parameters": {"units": 10, "activation": "softmax"}}
ACTIVATION = {"layer_type": "Activation", "initializing_parameters": {"activation": "softmax"}}
REASON = "training_config.calibration divides the logits of the last Dense"


def write_config(path, *layers):
    top = {"flat": {"layer_type": "Flatten"}}
    top |= {f"layer_{number}": layer for number, layer in enumerate(layers)}
    config = {
        "training_config": {"calibration": "temperature"},
        "data_config": {},
        "model_configuration": {"model_name": "VGG16", "model_top_config": top},
    }
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    return path


@pytest.mark.parametrize(
    "layers", [[SOFTMAX], [DENSE, ACTIVATION], [DENSE, {"layer_type": "Softmax"}]]
)
def test_a_dense_layer_with_softmax_can_be_calibrated(tmp_path, layers):
    config = load_config(write_config(tmp_path / "config.yaml", *layers))
    assert config.training_config.calibration == "temperature"


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (
            [DENSE, {"layer_type": "BatchNormalization"}, {"layer_type": "Softmax"}],
            f"expected a 'Dense' with softmax as the last layer: {REASON}. "
            "Found 'BatchNormalization'.",
        ),
        (
            [
                {
                    "layer_type": "Dense",
                    "initializing_parameters": {
                        "units": 10,
                        "activation": "softmax",
                        "lora_rank": 2,
                    },
                }
            ],
            f"expected null: {REASON}, which has one kernel. Found 2.",
        ),
        (
            [SOFTMAX, {"layer_type": "Softmax"}],
            f"expected a 'Dense' without activation before the softmax: {REASON}. Found 'Softmax'.",
        ),
    ],
)
def test_other_tops_are_refused(tmp_path, layers, message):
    with pytest.raises(ConfigError) as raised:
        load_config(write_config(tmp_path / "config.yaml", *layers))
    assert message in [problem.message for problem in raised.value.problems]
