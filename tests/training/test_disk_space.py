"""A run that won't fit on the disk ends with an error before it computes anything."""

import shutil

import pytest

from framework.config import load_config
from framework.errors import RunError
from framework.experiment import start_experiment

CONFIG = """
training_config:
  epochs: 1
  call_backs_conf: {callbacks}
data_config:
  dataset: digits
  image_shape: {{image_rows: 8, image_columns: 8, channel_numbers: 1}}
  limit: {{train: 160, test: 30}}
model_configuration:
  model_name: none
  model_top_config:
    flat: {{layer_type: Flatten}}
    hidden: {{layer_type: Dense, initializing_parameters: {{units: 10000}}}}
    digit: {{layer_type: Dense, initializing_parameters: {{units: 10, activation: softmax}}}}
"""


@pytest.fixture
def start(monkeypatch, no_figures, tmp_path):
    def start(free, callbacks="{}"):
        usage = shutil.disk_usage(tmp_path)._replace(free=free)
        monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
        config = tmp_path / "config.yaml"
        config.write_text(CONFIG.format(callbacks=callbacks))
        return start_experiment(load_config(config), "config", tmp_path / "run")

    return start


def test_a_disk_without_room_is_told_with_numbers_and_nothing_is_computed(start, tmp_path):
    message = (
        # 64 x 10,000 + 10,000 and 10,000 x 10 + 10 numbers of four bytes; with Adam's, thrice.
        r"the disk has 5.00MB free, but the run needs about 31\.0MB: 3\.00MB for models, "
        r"18\.0MB to be able to resume after an interruption, 10\.0MB for the report\. Make room"
    )

    with pytest.raises(RunError, match=message):
        start(5_000_000)

    assert not (tmp_path / "run").exists()


def test_a_callback_that_saves_models_needs_its_room_too(start):
    with pytest.raises(RunError, match=r"needs about 34\.0MB: 6\.00MB for models"):
        start(33_000_000, "{ModelCheckpoint: {filepath: best.keras}}")


def test_a_disk_with_just_enough_room_will_do(start):
    assert (start(31_010_000) / "metrics.json").exists()
