"""A training that diverges ends at once, with a report of the weights before, and no run."""

import math

import keras
import numpy as np
import pytest

from framework.cli.main import main
from framework.config import load_config
from framework.errors import DivergedError, RunError, UsageError
from framework.experiment import start_experiment
from framework.runs import run_directory
from framework.runs.records import find_runs
from tests.helpers.program import read_json, read_rows

CONFIG = """
training_config:
  epochs: 3
  batch_size: 16
  optimizer: {{name: SGD, learning_rate: {rate}}}
  call_backs_conf: {callbacks}
data_config:
  dataset: digits
  image_shape: {{image_rows: 8, image_columns: 8, channel_numbers: 1}}
  limit: {{train: 160, test: 30}}
model_configuration:
  model_name: none
  model_top_config:
    flat: {{layer_type: Flatten}}
    hidden: {{layer_type: Dense, initializing_parameters: {{units: 4}}}}
    digit: {{layer_type: Dense, initializing_parameters: {{units: 10, activation: softmax}}}}
"""
# Nine batches an epoch, so that the second one breaks in its first batches.
BREAKS_LATE = (
    "{class_name: PiecewiseConstantDecay, config: {boundaries: [9], values: [1.0e-4, 1.0e+30]}}"
)


def diverge(directory, text):
    """Runs a config that can't end well in `directory / "run"`; gives the message."""
    config = directory / "config.yaml"
    config.write_text(text)
    with pytest.raises(DivergedError) as caught:
        start_experiment(load_config(config), "config", directory / "run")
    return str(caught.value)


@pytest.fixture(scope="module")
def late(tmp_path_factory):
    """A run that diverges in its second epoch, and its final message in a file."""
    directory = tmp_path_factory.mktemp("late")
    callbacks = "{ModelCheckpoint: {filepath: 'epoch{epoch}.keras'}, EarlyStopping: {patience: 1}}"
    message = diverge(directory, CONFIG.format(rate=BREAKS_LATE, callbacks=callbacks))
    (directory / "message.txt").write_text(message)
    return directory / "run"


def test_a_loss_that_is_no_number_ends_the_training_and_says_why(tmp_path):
    message = diverge(tmp_path, CONFIG.format(rate="1e30", callbacks="{}"))

    first, second = message.split("\n")
    assert first.startswith(
        "The training has diverged in epoch 1: loss is nan by batch 9 of 9. Likely causes: "
        "a learning rate that is too high"
    )
    assert second == (
        "What the weights before, those that the training began with, are worth: "
        f"{tmp_path / 'run' / 'report.html'}"
    )
    (row,) = read_rows(tmp_path / "run" / "history.csv")
    assert (row["loss"], row["val_loss"]) == ("nan", "")


@pytest.mark.usefixtures("no_figures")
@pytest.mark.parametrize("arguments", ["{}", "{raise_error: true}"])
def test_with_a_callback_that_needs_batch_events_the_batch_is_named(arguments, tmp_path):
    callbacks = f"{{TerminateOnNaN: {arguments}}}"
    message = diverge(tmp_path, CONFIG.format(rate="1e30", callbacks=callbacks))

    assert "loss is nan by batch 2 of 9." in message


def test_the_weights_are_those_before_and_nothing_keeps_the_broken_ones(late):
    assert [path.name for path in late.glob("epoch*.keras")] == ["epoch1.keras"]
    before, left = (
        keras.models.load_model(late / name).get_weights()
        for name in ("epoch1.keras", "model.keras")
    )
    assert all(np.array_equal(*pair) for pair in zip(before, left, strict=True))


def test_the_report_is_complete_and_says_so_first(late):
    text = (late / "report.html").read_text()
    banner = text.index("The training diverged in epoch 2")
    assert banner < text.index("Test accuracy")
    assert "those after epoch 1" in text
    assert "a learning rate that is too high" in text
    assert "Early stopping ended" not in text
    for name in ("loss.png", "confusion_matrix_test.png", "predictions_test.csv", "dataset.png"):
        assert (late / name).is_file(), name
    metrics = read_json(late / "metrics.json")
    assert metrics["diverged"]["epoch"] == 2
    assert math.isfinite(metrics["test"]["loss"])
    assert [(row["epoch"], row["loss"]) for row in read_rows(late / "history.csv")][1] == (
        "2",
        "nan",
    )


def test_it_is_no_finished_run_to_anything(late, capsys):
    mark = (late / "UNFINISHED").read_text()
    assert mark.strip() == late.with_name("message.txt").read_text()
    assert not run_directory.is_finished(late)
    with pytest.raises(RunError, match="has diverged in epoch 2"):
        run_directory.find_run(late)
    with pytest.raises(RunError, match="There is no finished run"):
        run_directory.find_run(late.parent)
    with pytest.raises(UsageError, match="there is no finished run in it"):
        find_runs([late])
    assert main(["--resume", str(late)]) == 1
    assert capsys.readouterr().err == (
        f"The training of the run in {late} has diverged in epoch 2, and would again: see "
        f"{late / 'report.html'}. Change its config, the learning rate above all, and start a "
        "new run.\n"
    )


@pytest.mark.usefixtures("no_figures")
def test_its_model_can_be_evaluated_where_it_is_asked_for_by_name(late, tmp_path):
    text = CONFIG.format(rate="0.1", callbacks="{}").replace(
        "  epochs: 3", "  enable_training: false"
    )
    config = tmp_path / "config.yaml"
    config.write_text(f"{text}  saved_model: {late / 'model.keras'}\n")

    again = start_experiment(load_config(config), "config", tmp_path / "again")

    before, after = (read_json(run / "metrics.json")["test"] for run in (late, again))
    assert before == after


TUNED = """
training_config:
  epochs: 2
  batch_size: 16
  fine_tuning: {unfreeze_from: conv_pw_2, epochs: 2, learning_rate: 1.0e+38}
  optimizer: SGD
data_config:
  dataset: digits
  limit: {train: 100, test: 30}
model_configuration:
  model_name: MobileNet
  model_arguments: {alpha: 0.25}
  weights: null
  model_top_config:
    flat: {layer_type: Flatten, input_layer: conv_pw_2_relu}
    digit: {layer_type: Dense, initializing_parameters: {units: 10, activation: softmax}}
"""


@pytest.mark.usefixtures("no_figures")
def test_fine_tuning_that_diverges_leaves_what_it_began_with(tmp_path):
    message = diverge(tmp_path, TUNED)

    assert "The training has diverged in epoch 3: loss is nan by batch" in message
    assert "those that fine-tuning began with" in message
    rows = read_rows(tmp_path / "run" / "history.csv")
    assert [row["phase"] for row in rows] == ["top", "top", "fine_tuning"]
    metrics = read_json(tmp_path / "run" / "metrics.json")
    best = min(float(row["val_loss"]) for row in rows[:2])
    assert metrics["validation"]["loss"] == pytest.approx(best, rel=1e-4)
