import json

import numpy as np
import pytest
from sklearn import metrics

from framework.evaluation.metrics.classification_metrics import compute_metrics, wilson_interval
from framework.evaluation.metrics.predictions import Predictions
from tests.helpers.fake_results import DIGITS, make_predictions, make_sure_predictions


def test_every_figure_is_what_scikit_learn_says():
    predictions = make_predictions(np.arange(500) % 10, accuracy=0.7)
    scores = compute_metrics(predictions, DIGITS)
    report = metrics.classification_report(
        predictions.true, predictions.predicted, target_names=DIGITS, output_dict=True
    )
    assert scores["accuracy"] == report["accuracy"]
    for name in DIGITS:
        ours, theirs = scores["per_class"][name], report[name]
        assert ours["precision"] == theirs["precision"]
        assert ours["recall"] == theirs["recall"]
        assert ours["f1"] == theirs["f1-score"]
        assert ours["support"] == theirs["support"]
    expected = metrics.confusion_matrix(predictions.true, predictions.predicted)
    assert scores["confusion_matrix"] == expected.tolist()


def test_specificity_by_hand():
    # Of the six images that are no "a", one is called "a"; of the four that are no "b", two
    # are called "b"; none of the eight that are no "c" is called "c".
    scores = compute_metrics(
        make_sure_predictions([0, 0, 0, 1, 1, 1, 1, 1, 2], [0, 1, 0, 1, 1, 0, 1, 1, 1], 3),
        ["a", "b", "c"],
    )
    assert scores["confusion_matrix"] == [[2, 1, 0], [1, 4, 0], [0, 1, 0]]
    per_class = scores["per_class"]
    assert per_class["a"]["specificity"] == pytest.approx(5 / 6)
    assert per_class["b"]["specificity"] == pytest.approx(2 / 4)
    assert per_class["c"]["specificity"] == pytest.approx(8 / 8)


def test_classes_without_images_or_without_predictions_count_as_zero():
    scores = compute_metrics(make_sure_predictions([0, 0, 1], [0, 0, 2], 3), ["a", "b", "c"])
    assert scores["per_class"]["b"]["precision"] == 0.0
    assert scores["per_class"]["c"] == {
        "precision": 0.0, "recall": 0.0, "specificity": pytest.approx(2 / 3), "f1": 0.0,
        "support": 0,
    }  # fmt: skip


def test_one_class_alone_has_no_negatives():
    scores = compute_metrics(make_sure_predictions([0, 0], [0, 0], 2), ["a", "b"])
    assert scores["per_class"]["a"]["specificity"] == 0.0
    assert scores["per_class"]["b"]["specificity"] == 1.0


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_a_diverged_network_still_gives_strict_json(loss):
    predictions = Predictions(
        np.arange(4), np.array([0, 1, 2, 0]), np.full((4, 3), np.nan, np.float32), loss
    )
    scores = compute_metrics(predictions, ["a", "b", "c"])
    json.dumps(scores, allow_nan=False)
    assert scores["loss"] is None
    assert scores["expected_calibration_error"] is None


def test_wilson_interval_is_the_textbook_s():
    # Formula of Wilson (1927) with z = 1.959964, 81 of 263: Newcombe (1998), table I.
    low, high = wilson_interval(81, 263)
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)
