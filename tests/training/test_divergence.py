"""A training that diverges ends the run, and leaves nothing broken behind."""

import pytest
from program import read_rows

from framework.config import load_config
from framework.errors import RunError
from framework.experiment import start_experiment

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


@pytest.fixture
def fail(tmp_path):
    """Runs a config that can't end well, and gives the message."""

    def fail(rate, callbacks="{}"):
        config = tmp_path / "config.yaml"
        config.write_text(CONFIG.format(rate=rate, callbacks=callbacks))
        with pytest.raises(RunError) as caught:
            start_experiment(load_config(config), "config", tmp_path / "run")
        return str(caught.value)

    return fail


def test_a_loss_that_is_no_number_ends_the_run_and_says_why(fail, tmp_path):
    message = fail("1e30")

    assert message.startswith("The training has diverged: loss is nan after epoch 1.")
    assert "learning rate that is too high" in message
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("arguments", ["{}", "{raise_error: true}"])
def test_the_callback_of_a_config_ends_the_epoch_and_the_guard_says_why(fail, arguments, capsys):
    message = fail("1e30", f"{{TerminateOnNaN: {arguments}}}")

    assert "Invalid loss, terminating training" in capsys.readouterr().out
    assert "The training has diverged" in message


def test_the_epochs_before_are_kept_and_no_broken_weights(fail, tmp_path):
    schedule = (
        "{class_name: PiecewiseConstantDecay, config: {boundaries: [9], values: [1.0e-4, 1.0e+30]}}"
    )
    message = fail(schedule, "{ModelCheckpoint: {filepath: 'epoch{epoch}.keras'}}")

    assert "after epoch 2" in message
    assert "What is done so far is kept" in message
    assert "--resume" not in message
    assert [row["epoch"] for row in read_rows(tmp_path / "run" / "history.csv")] == ["1"]
    assert [path.name for path in (tmp_path / "run").glob("*.keras")] == ["epoch1.keras"]
