"""A run killed at any moment goes on, and ends with the same bits."""

import os
import signal
import subprocess
import sys
import time

import pytest
from program import PATIENCE, ROOT, read_rows
from small_runs import assert_same_run

# Everything that has a memory: early stopping, a falling learning rate, dropout, augmented
# views, and a second phase. It is small enough to run in seconds.
CONFIG = """
training_config:
  epochs: 6
  batch_size: 16
  optimizer: {name: Adam, learning_rate: 1e-2}
  call_backs_conf:
    EarlyStopping: {patience: 4, restore_best_weights: true}
    ReduceLROnPlateau: {patience: 1, factor: 0.5, min_delta: 0.1}
    CSVLogger: {filename: log.csv}
  feature_cache: {augmented_views: 3}
  fine_tuning: {unfreeze_from: block5_conv3, epochs: 2, learning_rate: 1e-4}
data_config:
  dataset: digits
  limit: {train: 100, test: 50}
  data_augmentation: {rotation_range: 10}
model_configuration:
  model_name: VGG16
  weights: null
  model_top_config:
    flat: {layer_type: Flatten}
    normal: {layer_type: BatchNormalization}
    sometimes: {layer_type: Dropout, initializing_parameters: {rate: 0.3}}
    digit: {layer_type: Dense, initializing_parameters: {units: 10, activation: softmax}}
"""


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    path = tmp_path_factory.mktemp("resume") / "config.yaml"
    path.write_text(CONFIG)
    return path


@pytest.fixture(scope="module")
def uninterrupted(config, run_program):
    directory = config.parent / "uninterrupted"
    result = run_program("--config", config, "--output", directory)
    assert result.returncode == 0, result.stderr
    return directory


def interrupt(config, directory, epochs, how):
    """Starts a run and ends it with a signal when it has had some epochs."""
    command = [sys.executable, str(ROOT / "run.py"), "--config", str(config)]
    process = subprocess.Popen(
        [*command, "--output", str(directory)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    history = directory / "history.csv"
    while process.poll() is None:
        if history.exists() and len(read_rows(history)) >= epochs:
            process.send_signal(how)
            break
        time.sleep(0.01)
    output, _ = process.communicate(timeout=PATIENCE)
    return process.returncode, output


@pytest.mark.parametrize("epochs", [1, 7])
def test_a_killed_run_resumes_to_the_same_bits(
    epochs, config, uninterrupted, run_program, tmp_path
):
    directory = tmp_path / "run"
    code, _ = interrupt(config, directory, epochs, signal.SIGKILL)
    assert code == -signal.SIGKILL
    assert (directory / "UNFINISHED").exists()
    result = run_program("--resume", directory)
    assert result.returncode == 0, result.stderr
    assert_same_run(uninterrupted, directory)
    assert [row["epoch"] for row in read_rows(directory / "log.csv")][-1] == "7"
    assert sorted(os.listdir(directory)) == sorted(os.listdir(uninterrupted))


def test_an_interrupted_run_says_how_to_go_on(config, uninterrupted, run_program, tmp_path):
    directory = tmp_path / "run"
    code, output = interrupt(config, directory, 2, signal.SIGINT)
    assert code == 130, output
    assert f"python run.py --resume {directory}" in output
    assert "Traceback" not in output
    changed = run_program(
        "--resume", directory, "--config", config, "--set", "training_config.seed=1"
    )
    assert changed.returncode == 2
    assert "training_config.seed: 0 before, 1 now" in changed.stderr
    assert run_program("--resume", directory, "--config", config).returncode == 0
    assert_same_run(uninterrupted, directory)


def test_a_damaged_checkpoint_is_not_believed(config, uninterrupted, run_program, tmp_path):
    directory = tmp_path / "run"
    interrupt(config, directory, 3, signal.SIGKILL)
    checkpoint = directory / "checkpoint.npz"
    damaged = bytearray(checkpoint.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    checkpoint.write_bytes(damaged)
    result = run_program("--resume", directory)
    assert result.returncode == 0, result.stderr
    assert "damaged" in result.stdout
    assert_same_run(uninterrupted, directory)


def test_a_finished_run_has_nothing_to_go_on_with(uninterrupted, run_program):
    result = run_program("--resume", uninterrupted)
    assert result.returncode == 0
    assert "is finished" in result.stdout


def test_a_directory_without_a_run_is_refused(run_program, tmp_path):
    result = run_program("--resume", tmp_path)
    assert result.returncode == 1
    assert "holds no run" in result.stderr
