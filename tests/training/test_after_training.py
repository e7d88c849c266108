"""Calibration of a trained classifier, and cross-validation of its top."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import log_softmax

from framework.cli.main import main
from framework.evaluation.cross_validation import cross_validate
from framework.evaluation.metrics.predict_split import predict_split
from framework.features.feature_sources import SelectedFeatures
from framework.features.prepare_head import prepare_head
from framework.inference.trained_classifier import load_classifier
from framework.training.trainer import Trainer
from tests.training.test_trainer import classifier, make_config, splits  # noqa: F401

CONFIG = """
training_config: {epochs: 6, feature_cache: {augmented_views: 2}}
data_config:
  dataset: digits
  limit: {train: 300, test: 100}
  data_augmentation: {rotation_range: 10}
model_configuration:
  model_name: MobileNet
  model_arguments: {alpha: 0.25}
  weights: null
  model_top_config:
    flat: {layer_type: Flatten, input_layer: conv_pw_2_relu}
    normal: {layer_type: BatchNormalization}
    digit: {layer_type: Dense, initializing_parameters: {units: classes, activation: softmax}}
"""
SEPARATE_SOFTMAX = CONFIG.replace(
    "{units: classes, activation: softmax}}",
    "{units: classes}}\n    softmax: {layer_type: Softmax}",
)


def run(directory, name, config=CONFIG, *settings):
    file = directory / f"{name}.yaml"
    file.write_text(config)
    options = [word for setting in settings for word in ("--set", setting)]
    assert main(["--config", str(file), "--output", str(directory / name), *options]) == 0
    return directory / name


def read_metrics(directory):
    return json.loads((directory / "metrics.json").read_text())


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def plain(directory):
    return run(directory, "plain")


@pytest.mark.parametrize("config", [CONFIG, SEPARATE_SOFTMAX], ids=["one layer", "two layers"])
def test_a_temperature_changes_probabilities_and_no_class(directory, plain, tmp_path, config):
    calibrated = run(tmp_path, "calibrated", config, "training_config.calibration=temperature")
    before, after = read_metrics(plain), read_metrics(calibrated)
    found = after["calibration"]
    for split in ("validation", "test"):
        assert after[split]["confusion_matrix"] == before[split]["confusion_matrix"]
        assert found[split]["loss_before"] == pytest.approx(before[split]["loss"], rel=1e-4)
        assert found[split]["loss"] == after[split]["loss"]
    assert found["validation"]["loss"] < found["validation"]["loss_before"]
    error = before["test"]["expected_calibration_error"]
    found_error = found["test"]["expected_calibration_error_before"]
    assert found_error == pytest.approx(error, abs=1e-4)

    images = np.random.default_rng(0).integers(0, 256, (20, 8, 8), dtype=np.uint8)
    logits, divided = (
        np.log(load_classifier(each).predict_probabilities(images)) for each in (plain, calibrated)
    )
    expected = log_softmax(logits / found["temperature"], axis=1)
    np.testing.assert_allclose(divided, expected, atol=1e-3)


def test_folds_leave_the_model_as_it_is_without_them(directory, plain):
    folded = run(directory, "folded", CONFIG, "training_config.folds=3")
    before, after = read_metrics(plain), read_metrics(folded)
    assert after["test"] == before["test"]
    history = [(each / "history.csv").read_text().splitlines() for each in (plain, folded)]
    rows = [[line.rsplit(",", 1)[0] for line in lines] for lines in history]
    assert rows[0] == rows[1]

    with (folded / "predictions_folds.csv").open(newline="") as stream:
        table = list(csv.DictReader(stream))
    assert sorted({row["fold"] for row in table}) == ["1", "2", "3"]
    right = np.array([row["true"] == row["predicted"] for row in table])
    folds = np.array([int(row["fold"]) for row in table])
    values = [right[folds == fold].mean() for fold in (1, 2, 3)]
    found = after["folds"]["accuracy"]
    assert found["values"] == pytest.approx(values)
    assert found["mean"] == pytest.approx(np.mean(values))
    assert found["standard_deviation"] == pytest.approx(np.std(values, ddof=1))
    shares = np.array(
        [[float(row[f"probability_{digit}"]) for digit in range(10)] for row in table]
    )
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-4)
    assert (folded / "confusion_matrix_folds.png").is_file()
    assert "Cross-validation accuracy" in (folded / "report.html").read_text()


def test_folds_equal_runs_made_one_by_one(classifier, splits, tmp_path):  # noqa: F811
    config = make_config(tmp_path, epochs=3)
    config = replace(config, training_config=replace(config.training_config, folds=3))
    split, features = prepare_head(classifier, splits, config)
    initial = classifier.model.get_weights()
    found = cross_validate(classifier, split, features["training"], config, 3, tmp_path / "run")
    for before, after in zip(initial, classifier.model.get_weights(), strict=True):
        np.testing.assert_array_equal(after, before)

    for fold in (1, 2, 3):
        held_out = np.flatnonzero(found.folds == fold)
        rest = np.flatnonzero(found.folds != fold)
        images = splits.training
        alone = replace(
            splits,
            training=replace(images, indices=images.indices[rest]),
            validation=replace(images, indices=images.indices[held_out]),
        )
        classifier.model.set_weights(initial)
        cut, own = prepare_head(classifier, alone, config)
        (tmp_path / str(fold)).mkdir()
        trainer = Trainer(classifier, config, tmp_path / str(fold))
        trainer.train(trainer.phases[0], cut.head, own)
        expected = predict_split(cut.head, own["validation"], config.training_config.loss, "")
        actual = found.predictions.probabilities[held_out]
        np.testing.assert_array_equal(actual, expected.probabilities)


def test_finished_folds_are_not_trained_again(classifier, splits, tmp_path, monkeypatch):  # noqa: F811
    config = make_config(tmp_path, epochs=2)
    config = replace(config, training_config=replace(config.training_config, folds=3))
    split, features = prepare_head(classifier, splits, config)
    whole = cross_validate(classifier, split, features["training"], config, 3, tmp_path / "run")
    (tmp_path / "run" / "folds" / "3" / "predictions.npz").unlink()
    trained = []
    train = Trainer.train

    def note(self, *arguments):
        trained.append(self)
        return train(self, *arguments)

    monkeypatch.setattr(Trainer, "train", note)
    again = cross_validate(classifier, split, features["training"], config, 3, tmp_path / "run")
    assert len(trained) == 1
    np.testing.assert_array_equal(again.predictions.probabilities, whole.predictions.probabilities)


def test_more_folds_than_images_of_a_class_are_an_error(tmp_path, capsys):
    file = tmp_path / "config.yaml"
    file.write_text(CONFIG)
    options = ["--set", "training_config.folds=200", "--output", str(tmp_path / "run")]
    assert main(["--config", str(file), *options]) == 1
    assert "training_config.folds: expected at most " in capsys.readouterr().err


def test_selected_features_are_those_of_the_images(classifier, splits, tmp_path):  # noqa: F811
    _, features = prepare_head(classifier, splits, make_config(tmp_path))
    every = np.concatenate([block[0] for block in features["training"].stream(np.arange(60))])
    chosen = SelectedFeatures(features["training"], np.array([5, 2, 40]))
    (block,) = chosen.stream(np.array([2, 0]))
    np.testing.assert_array_equal(block[0], every[[40, 5]])
    np.testing.assert_array_equal(chosen.images.indices, splits.training.indices[[5, 2, 40]])
