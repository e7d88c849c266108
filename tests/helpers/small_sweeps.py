"""Sweeps over runs so small that a trial takes little more than its tracing."""

import json

# Without a backbone: nothing but a few dense layers on 8x8 digits.
BASE = {
    "training_config": {"epochs": 3, "batch_size": 16},
    "data_config": {
        "dataset": "digits",
        "limit": {"train": 120, "test": 40},
        "image_shape": {"image_rows": 8, "image_columns": 8, "channel_numbers": 1},
    },
    "model_configuration": {
        "model_name": "none",
        "model_top_config": {
            "flat": {"layer_type": "Flatten"},
            "digit": {
                "layer_type": "Dense",
                "initializing_parameters": {"units": 10, "activation": "softmax"},
            },
        },
    },
}
RATE = "training_config.optimizer.learning_rate"
BATCH = "training_config.batch_size"
FLAT = "model_configuration.model_top_config.flat"


def write_sweep(folder, section, name="sweep", base=BASE):
    """Writes `base.json`, and a sweep that extends it; returns the path of the sweep."""
    folder.joinpath("base.json").write_text(json.dumps(base))
    path = folder / f"{name}.json"
    path.write_text(json.dumps({"extends": "base.json", "sweep_config": section}))
    return path
