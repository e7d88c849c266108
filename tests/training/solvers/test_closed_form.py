"""The last layer in closed form, in whole runs."""

import keras
import numpy as np
import pytest
import yaml

from framework.cli.main import main
from framework.config import load_config, resolve_config
from framework.errors import ConfigError, RunError
from framework.experiment import RunOptions, start_experiment
from framework.training.solvers import closed_form
from tests.helpers.program import read_json, read_rows
from tests.helpers.small_mobilenet import make_mobilenet_config

CONFIG = make_mobilenet_config(
    {"solver": {"name": "ridge"}, "batch_size": 64}, input_layer="conv_pw_2_relu"
)


def change(**sections):
    """The config with other keys in its sections."""
    return resolve_config({name: {**CONFIG[name], **sections.get(name, {})} for name in CONFIG})


@pytest.fixture
def solve(tmp_path, monkeypatch, no_figures):
    """Makes a run without pictures; returns its directory."""
    monkeypatch.setenv("TRANSFER_FRAMEWORK_CACHE", str(tmp_path / "cache"))
    runs = iter(range(9))

    def start(**sections):
        output = tmp_path / f"run{next(runs)}"
        return start_experiment(change(**sections), "x", output, RunOptions(with_report=False))

    return start


def test_a_run_is_solved_once_and_says_so(solve):
    run = solve()
    (row,) = read_rows(run / "history.csv")
    metrics = read_json(run / "metrics.json")
    assert (row["epoch"], row["learning_rate"]) == ("1", "")
    assert float(row["val_accuracy"]) == pytest.approx(metrics["validation"]["accuracy"])
    assert float(row["val_loss"]) == pytest.approx(metrics["validation"]["loss"], rel=1e-4)
    assert metrics["validation"]["accuracy"] > 0.8
    assert metrics["solver"]["images"] == 270
    assert metrics["solver"]["alpha"] in closed_form.STRENGTHS
    model = keras.models.load_model(run / "model.keras", compile=False)
    assert model.layers[-1].activation is keras.activations.softmax
    assert model.layers[-1].name == "digit"


def test_both_forms_solve_the_same(solve, monkeypatch):
    fewer_images = solve(model_configuration={"model_top_config": {
        "mean": {"layer_type": "AveragePooling2D", "input_layer": "conv_pw_2_relu",
                 "initializing_parameters": {"pool_size": 2}},
        "flat": {"layer_type": "Flatten"},
        "digit": CONFIG["model_configuration"]["model_top_config"]["digit"],
    }})  # fmt: skip
    assert read_json(fewer_images / "metrics.json")["solver"]["features"] > 270

    def always_primal(features, targets, weights, strengths):
        moments = closed_form.Moments(features.shape[1], targets.shape[1])
        moments.add(features, targets, weights)
        return moments.solve(strengths)

    monkeypatch.setattr(closed_form, "solve_dual", always_primal)
    again = solve(model_configuration={"model_top_config": read_json(fewer_images / "config.json")[
        "model_configuration"]["model_top_config"]})  # fmt: skip
    weights = [
        keras.models.load_model(run / "model.keras", compile=False).layers[-1].get_weights()
        for run in (fewer_images, again)
    ]
    for first, second in zip(*weights, strict=True):
        assert first == pytest.approx(second, abs=1e-3 * float(np.abs(first).max()))


def test_all_views_count_as_images(solve):
    run = solve(
        training_config={"feature_cache": {"augmented_views": 3}, "epochs": 1},
        data_config={"data_augmentation": {"rotation_range": 10}},
    )
    assert read_json(run / "metrics.json")["solver"]["images"] == 3 * 270


def test_the_store_makes_no_difference(solve):
    stored, computed = (
        solve(training_config={"feature_cache": {"mode": mode}}) for mode in ("auto", "off")
    )
    first, second = (read_json(run / "metrics.json") for run in (stored, computed))
    assert first["test"] == second["test"]
    assert first["solver"] == second["solver"]


def test_several_layers_are_joined(solve):
    digit = CONFIG["model_configuration"]["model_top_config"]["digit"]
    top = {
        "low": {"layer_type": "Flatten", "input_layer": "conv_pw_1_relu"},
        "high": {"layer_type": "GlobalAveragePooling2D", "input_layer": "conv_pw_3_relu"},
        "both": {"layer_type": "Concatenate", "input_layer": ["low", "high"]},
        "digit": digit,
    }
    run = solve(model_configuration={"model_top_config": top})
    assert read_json(run / "metrics.json")["solver"]["features"] == 16 * 16 * 16 + 32
    assert read_json(run / "metrics.json")["validation"]["accuracy"] > 0.8


def test_there_need_not_be_a_backbone(solve):
    top = {
        "flat": {"layer_type": "Flatten"},
        "digit": CONFIG["model_configuration"]["model_top_config"]["digit"],
    }
    run = solve(
        model_configuration={
            "model_name": "none", "model_arguments": None, "model_top_config": top,
        }
    )  # fmt: skip
    assert read_json(run / "metrics.json")["test"]["accuracy"] > 0.8


def test_class_weights_weigh(solve):
    weights = {str(digit): 0.01 for digit in range(1, 10)}
    top = {
        "mean": {"layer_type": "GlobalAveragePooling2D", "input_layer": "conv_pw_2_relu"},
        "digit": CONFIG["model_configuration"]["model_top_config"]["digit"],
    }
    run = solve(
        training_config={"class_weight": {**weights, "0": 100.0}},
        model_configuration={"model_top_config": top},
    )
    predicted = [row["predicted"] for row in read_rows(run / "predictions_test.csv")]
    assert predicted.count("0") > 30


def test_an_alpha_of_ones_own_is_used(solve):
    run = solve(training_config={"solver": {"name": "ridge", "alpha": 0.05}})
    assert read_json(run / "metrics.json")["solver"]["alpha"] == 0.05


def test_too_many_features_are_one_message(solve, monkeypatch):
    monkeypatch.setattr(closed_form, "MAX_FEATURES", 100)
    with pytest.raises(RunError, match=r"digit reads [\d,]+ numbers .* Put pooling before it"):
        solve()


def test_a_sweep_varies_the_layer_that_is_read(tmp_path, monkeypatch, no_figures):
    monkeypatch.setenv("TRANSFER_FRAMEWORK_CACHE", str(tmp_path / "cache"))
    path = "model_configuration.model_top_config.flat.input_layer"
    choice = {"choice": ["conv_pw_1_relu", "conv_pw_3_relu"]}
    section = {"sampler": "grid", "keys": {path: choice}, "reports": 0}
    sweep = tmp_path / "sweep.yaml"
    sweep.write_text(yaml.safe_dump({**CONFIG, "sweep_config": section}, sort_keys=False))
    assert main(["sweep", "--config", str(sweep), "--output", str(tmp_path / "out")]) == 0
    ranking = read_rows(tmp_path / "out" / "ranking.csv")
    assert [row["state"] for row in ranking] == ["complete", "complete"]
    assert {row[path] for row in ranking} == {"conv_pw_1_relu", "conv_pw_3_relu"}


def test_what_would_train_beside_it_is_refused(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(
        """\
training_config:
  solver: {name: ridge, alpha: -1}
  fine_tuning: {unfreeze_from: conv_pw_13}
  feature_cache: {augmented_views: fresh}
data_config: {}
model_configuration:
  model_name: MobileNet
  trainable: all
  model_top_config:
    flat: {layer_type: Flatten}
    hidden: {layer_type: Dense, initializing_parameters: {units: 8}}
    drop: {layer_type: Dropout, initializing_parameters: {rate: 0.5}}
    end:
      layer_type: Dense
      initializing_parameters:
        units: 10
        activation: sigmoid
        use_bias: false
        kernel_regularizer: l2
"""
    )
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    places = {(problem.line, problem.path.rpartition(".")[2]) for problem in caught.value.problems}
    assert {(2, "alpha"), (3, "fine_tuning"), (4, "augmented_views"), (8, "trainable")} < places
    assert {(11, "layer_type"), (12, "layer_type")} < places
    assert {(17, "activation"), (18, "use_bias"), (19, "kernel_regularizer")} < places
    assert len(places) == len(caught.value.problems) == 9
