"""The functions of the package do what the commands do."""

import subprocess
import sys
from copy import deepcopy
from importlib import util

import keras
import numpy as np
import pytest
import yaml

import framework
from framework.cli.main import main
from framework.errors import ConfigError, RunError, UsageError
from tests.helpers.program import read_json, read_rows
from tests.helpers.small_runs import CONFIG, assert_same_run

# YAML 1.1, which PyYAML reads, takes numbers without a dot for texts.
VALUES = yaml.safe_load(CONFIG.replace("1e-4", "1.0e-4"))
SHORT = {
    "training_config.epochs": 1,
    "training_config.fine_tuning": None,
    "training_config.call_backs_conf": {},
    "data_config.dataset": "digits",
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run that was trained in Python."""
    return framework.train(VALUES, SHORT, tmp_path_factory.mktemp("run") / "run")


def test_the_package_shows_its_names_and_does_not_import_tensorflow_for_it():
    code = "import sys, framework; print(dir(framework)); assert 'numpy' not in sys.modules"
    shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    names = {"train", "probe", "evaluate", "load_run", "load_classifier", "load_config", "Run"}
    assert names <= set(yaml.safe_load(shown.stdout))


def test_training_gives_the_bits_of_the_command_line_each_time(small_run, tmp_path):
    for number in range(2):
        made = framework.train(str(small_run.config), output=tmp_path / f"python{number}")
        assert_same_run(made.directory, small_run.directory)


def test_a_run_holds_what_its_files_hold(run):
    assert run.metrics == read_json(run.directory / "metrics.json")
    assert run.config.training_config.epochs == 1
    assert run.history.epoch.tolist() == [1]
    assert run.history.loss.tolist() == [float(read_rows(run.directory / "history.csv")[0]["loss"])]
    assert len(run.predictions) == 40
    accuracy = (run.predictions.true == run.predictions.predicted).mean()
    assert accuracy == pytest.approx(run.metrics["test"]["accuracy"])
    assert set(run.predictions.true) <= set("0123456789")
    assert framework.load_run(run.directory.parent).directory == run.directory


def test_without_pandas_tables_are_lists_of_dicts(run, monkeypatch):
    found = util.find_spec

    def hidden(name):
        return None if name == "pandas" else found(name)

    monkeypatch.setattr("framework.api.results.find_spec", hidden)
    again = framework.load_run(run.directory)
    assert again.history[0]["epoch"] == 1
    assert isinstance(again.predictions[0]["true"], str)
    assert isinstance(again.predictions[0]["confidence"], float)


def test_a_notebook_shows_the_result_the_curves_and_the_matrix(run):
    page = run._repr_html_()
    assert f"{100 * run.metrics['test']['accuracy']:.2f}" in page
    assert page.count("data:image/png;base64,") == 3
    assert str(run.directory) in page
    assert "framework.train(" in page
    assert "<script" not in page


def test_an_evaluation_is_that_of_the_command(run, tmp_path, capsys):
    made = framework.evaluate(run.directory, "digits", tmp_path / "python")
    command = ["evaluate", "--run", str(run.directory), "digits"]
    assert main([*command, "--output", str(tmp_path / "command")]) == 0
    assert made.metrics == read_json(tmp_path / "command" / "metrics.json")
    assert len(made.predictions) == sum(
        row["support"] for row in made.metrics["test"]["per_class"].values()
    )
    assert "data:image/png" in made._repr_html_()


def test_an_export_is_created_and_named(run, tmp_path):
    created = run.export("keras", tmp_path / "network.keras")
    images = np.zeros((1, *run.classifier.image_shape), np.float32)
    probabilities = keras.models.load_model(created).predict(images, verbose=0)
    np.testing.assert_array_equal(probabilities, run.classifier.classifier.model.predict(images))
    with pytest.raises(UsageError, match=r"no format 'kears'\. Did you mean 'keras'\?"):
        run.export("kears")


def test_configs_are_paths_dicts_and_configs_with_overrides_of_either_form(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(CONFIG)
    values = deepcopy(VALUES)
    texts = ["training_config.epochs=7", "training_config.optimizer.learning_rate=1e-05"]
    overrides = {
        "training_config.epochs": 7,
        "training_config.optimizer.learning_rate": 1e-05,
    }
    loaded = [framework.load_config(config, texts) for config in (path, str(path), values)]
    loaded += [framework.load_config(config, overrides) for config in (path, values, loaded[0])]
    assert {each.training_config.epochs for each in loaded} == {7}
    rates = {each.training_config.optimizer.arguments["learning_rate"] for each in loaded}
    assert rates == {1e-05}
    assert values == VALUES, "what is given is left alone"


def test_errors_print_as_the_command_line_prints_them(tmp_path, capsys):
    path = tmp_path / "mine.yaml"
    path.write_text(CONFIG.replace("MobileNet", "MobilNet"))
    assert main(["--config", str(path)]) == 2
    printed = capsys.readouterr().err
    for call in (framework.train, framework.probe, framework.load_config):
        with pytest.raises(ConfigError) as caught:
            call(str(path))
        assert f"{caught.value}\n" == printed
    with pytest.raises(ConfigError, match="Did you mean 'MobileNet'") as caught:
        framework.train(VALUES, {"model_configuration.model_name": "MobilNet"})
    assert caught.value._render_traceback_() == [f"ConfigError: {caught.value}"]
    with pytest.raises(RunError, match="There is no run directory"):
        framework.load_run(tmp_path / "nothing")


def test_a_path_in_a_dict_is_relative_to_the_working_directory(tmp_path, monkeypatch):
    (tmp_path / "pictures").mkdir()
    monkeypatch.chdir(tmp_path)
    values = {"data_config": {"dataset": {"name": "folder", "path": "pictures"}}}
    loaded = framework.load_config({**VALUES, **values})
    assert loaded.data_config.dataset.path == str(tmp_path / "pictures")
