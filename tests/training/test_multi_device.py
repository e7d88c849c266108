"""Devices that share each batch train what one trains; here they are parts of a processor."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from tests.helpers.program import ROOT, read_json, read_rows

pytestmark = pytest.mark.long

# 113 training images: the last batch has one, so that a device goes without.
CONFIG = """
training_config:
  epochs: 1
  batch_size: 16
  optimizer: {{name: SGD, learning_rate: 1e-2, momentum: 0.9}}
  class_weight: balanced
  loss: {{name: categorical_crossentropy, label_smoothing: 0.1}}
  metrics: [top_k_categorical_accuracy]
  fine_tuning: {{unfreeze_from: conv_pw_2, epochs: 3, learning_rate: 1e-2}}
data_config:
  dataset: digits
  limit: {{train: 126, test: 40}}
model_configuration:
  model_name: MobileNet
  model_arguments: {{alpha: 0.25}}
  weights: null
  model_top_config:
    flat: {{layer_type: Flatten, input_layer: conv_pw_2_relu}}
    normal: {{layer_type: BatchNormalization}}
    sometimes: {{layer_type: Dropout, initializing_parameters: {{rate: {dropout}}}}}
    digit:
      layer_type: Dense
      initializing_parameters: {{units: 10, activation: softmax, kernel_regularizer: l2}}
"""

DENSE = """
training_config:
  epochs: 2
  batch_size: 16
data_config:
  dataset: digits
  image_shape: {image_rows: 8, image_columns: 8, channel_numbers: 1}
  limit: {train: 126, test: 40}
model_configuration:
  model_name: none
  model_top_config:
    scaled: {layer_type: Rescaling, initializing_parameters: {scale: 0.004}}
    flat: {layer_type: Flatten}
    digit: {layer_type: Dense, initializing_parameters: {units: 10, activation: softmax}}
"""

FRESH = """
training_config:
  epochs: 2
  batch_size: 16
  feature_cache: {augmented_views: fresh}
data_config:
  dataset: digits
  limit: {train: 700, test: 40}
  data_augmentation: {rotation_range: 10}
model_configuration:
  model_name: MobileNet
  model_arguments: {alpha: 0.25}
  weights: null
  model_top_config:
    flat: {layer_type: Flatten, input_layer: conv_pw_1_relu}
    digit: {layer_type: Dense, initializing_parameters: {units: 10, activation: softmax}}
"""

PROGRAM = """
import sys
from pathlib import Path
import keras
import tensorflow as tf
sys.path.insert(0, sys.argv[1])
processor = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * 2)
from framework.config import load_config
from framework.utils.console import start_console
from framework.errors import InterruptedRunError, RunError
from framework.experiment import RunOptions, run_experiment, start_experiment
from framework.features import extractor
start_console()

def start(name, config, devices, *callbacks):
    config = load_config(Path(config), [f"training_config.devices={devices}"])
    start_experiment(config, name, Path(name), RunOptions(callbacks, with_report=False))
    return config

def interrupt(epoch, logs):
    if epoch == 2:
        raise KeyboardInterrupt

used = set()
make_forward_on = extractor._make_forward_on

def watch(device, model):
    forward = make_forward_on(device, model)
    def compute(batch):
        tensors = forward(batch)
        used.update(tensor.device for tensor in tensors)
        return tensors
    return compute

extractor._make_forward_on = watch
for devices in (1, 2):
    start(f"dense-{devices}", "dense.yaml", devices)
    assert not used
for devices in (1, 2):
    start(f"fresh-{devices}", "fresh.yaml", devices)
print("computed on", len(used))
start("one", "plain.yaml", 1)
start("two", "plain.yaml", "all")
config = start("whole", "dropout.yaml", 2)
try:
    start("resumed", "dropout.yaml", 2, keras.callbacks.LambdaCallback(on_epoch_end=interrupt))
except InterruptedRunError:
    run_experiment(config, Path("resumed"), RunOptions(with_report=False))
try:
    start("three", "plain.yaml", 3)
except RunError as error:
    print(error)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Runs on one and on two devices; their output is in `output.txt`."""
    folder = tmp_path_factory.mktemp("devices")
    (folder / "dense.yaml").write_text(DENSE)
    (folder / "fresh.yaml").write_text(FRESH)
    (folder / "plain.yaml").write_text(CONFIG.format(dropout=0))
    (folder / "dropout.yaml").write_text(CONFIG.format(dropout=0.3))
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(ROOT)],
        cwd=folder,
        env={
            **os.environ,
            "TRANSFER_FRAMEWORK_CACHE": str(folder / "cache"),
            # On processors with AVX-512 its convolutions give the device that goes without an
            # image a wrong shape. GPUs, which this is meant for, have their own.
            "TF_ENABLE_ONEDNN_OPTS": "0",
        },
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    (folder / "output.txt").write_text(ended.stdout)
    return folder


def read_history(run):
    return [
        {name: float(row[name]) for name in row if name not in ("seconds", "phase")}
        for row in read_rows(run / "history.csv")
    ]


def read_weights(run):
    return {
        weight.path: weight.numpy()
        for weight in keras.models.load_model(run / "model.keras").weights
    }


@pytest.mark.parametrize(
    "names", [("one", "two"), ("dense-1", "dense-2")], ids=["fine-tuning", "no backbone"]
)
def test_two_devices_learn_what_one_learns_within_rounding(folder, names):
    one, two = (read_history(folder / name) for name in names)
    for first, second in zip(one, two, strict=True):
        assert second == pytest.approx(first, rel=1e-4)
    weights = [read_weights(folder / name) for name in names]
    for path, values in weights[0].items():
        np.testing.assert_allclose(weights[1][path], values, rtol=1e-3, atol=1e-5, err_msg=path)
    scores = [read_json(folder / name / "metrics.json")["test"] for name in names]
    assert scores[0]["confusion_matrix"] == scores[1]["confusion_matrix"]


def test_what_is_frozen_stays_as_it_is_and_what_trains_moves(folder):
    one, two = (read_weights(folder / name) for name in ("one", "two"))
    frozen = [path for path in one if "_bn/" in path]
    assert frozen
    assert all(np.array_equal(one[path], two[path]) for path in frozen)
    before = read_weights(folder / "whole")["conv_pw_2/kernel"]
    assert not np.array_equal(before, one["conv_pw_2/kernel"])


def test_fresh_features_are_computed_on_all_devices_with_the_same_bits(folder):
    assert "computed on 2" in (folder / "output.txt").read_text()
    assert read_history(folder / "fresh-1") == read_history(folder / "fresh-2")


def test_a_run_on_two_devices_resumes_to_the_same_bits(folder):
    assert read_history(folder / "whole") == read_history(folder / "resumed")
    whole, resumed = (read_weights(folder / name) for name in ("whole", "resumed"))
    assert all(np.array_equal(whole[path], resumed[path]) for path in whole)


def test_the_console_says_who_trains_what(folder):
    output = (folder / "output.txt").read_text()
    assert "The top alone trains, on /device:CPU:0" in output
    assert "Each batch is shared among 2 devices: /device:CPU:0, /device:CPU:1" in output
    assert output.splitlines()[-1] == (
        "training_config.devices: 3 are wanted, but TensorFlow finds 2 here: /device:CPU:0, "
        '/device:CPU:1. Ask for fewer, or for "all".'
    )
    assert not (folder / "three").exists()
