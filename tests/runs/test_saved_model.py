"""An evaluation says of a saved model what its own run says of it."""

import shutil

import pytest

from framework.cli.main import main
from tests.helpers.program import read_json

pytestmark = pytest.mark.usefixtures("no_figures")

CONFIG = """
training_config: {{epochs: 1, enable_training: {trains}}}
data_config:
  dataset: digits
  limit: {{train: 100, test: 50}}
  image_shape: {{image_rows: 32, image_columns: 40}}
model_configuration:
  model_name: none
  weights: null
  model_top_config:
    flat: {{layer_type: Flatten}}
    digit: {{layer_type: Dense, initializing_parameters: {{units: 10, activation: softmax}}}}
"""


@pytest.fixture
def trained(tmp_path):
    config = tmp_path / "trained.yaml"
    config.write_text(CONFIG.format(trains="true"))
    assert main(["--config", str(config), "--output", str(tmp_path / "run")]) == 0
    return tmp_path / "run"


def evaluate(tmp_path, text, model):
    config = tmp_path / "evaluated.yaml"
    config.write_text(f"{text}  saved_model: {model}\n")
    return main(["--config", str(config), "--output", str(tmp_path / "evaluated")])


@pytest.mark.parametrize(
    ("before", "after", "place", "said"),
    [
        (
            "model_name: none",
            "model_name: MobileNet",
            "8:15  model_configuration.model_name",
            'expected "none", as the saved model was trained ({}). Found "MobileNet". ',
        ),
        (
            "image_rows: 32",
            "image_rows: 40",
            "6:29  data_config.image_shape.image_rows",
            "expected 32, as the saved model was trained ({}). Found 40. ",
        ),
        (
            "    digit:",
            "    more: {layer_type: Dropout, initializing_parameters: {rate: 0.5}}\n    digit:",
            "12:11  model_configuration.model_top_config.more",
            "expected no such layer, as the saved model was trained ({}). Found ",
        ),
    ],
)
def test_a_config_of_another_model_is_refused(
    trained, before, after, place, said, tmp_path, capsys
):
    text = CONFIG.format(trains="false")
    assert evaluate(tmp_path, text.replace(before, after), trained) == 2
    assert f"{place}: {said.format(trained / 'config.json')}" in capsys.readouterr().err
    assert not (tmp_path / "evaluated").exists()


def test_what_the_config_leaves_out_is_that_of_the_run(trained, tmp_path):
    text = CONFIG.format(trains="false")
    for line in ("  weights: null\n", "  image_shape: {image_rows: 32, image_columns: 40}\n"):
        assert line in text
        text = text.replace(line, "")
    assert evaluate(tmp_path, text, trained) == 0
    before, after = (read_json(run / "config.json") for run in (trained, tmp_path / "evaluated"))
    assert after["data_config"] == before["data_config"]
    assert after["model_configuration"] == before["model_configuration"] | {
        "saved_model": str(trained / "model.keras")
    }


def test_classes_stand_for_their_number(trained, tmp_path):
    text = CONFIG.format(trains="false").replace("units: 10", "units: classes")
    assert evaluate(tmp_path, text, trained) == 0


def test_a_model_file_alone_is_not_called_by_a_backbone(trained, tmp_path):
    model = shutil.copy(trained / "model.keras", tmp_path / "bare.keras")
    text = CONFIG.format(trains="false").replace("model_name: none", "model_name: MobileNet")
    assert evaluate(tmp_path, text, model) == 0
    subject = read_json(tmp_path / "evaluated/environment.json")["subject"]
    assert subject == "bare.keras on digits"
