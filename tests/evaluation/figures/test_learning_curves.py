from dataclasses import replace

import numpy as np
import pytest

from framework.config.model import FineTuning
from framework.evaluation.figures.learning_curves import plot_curves
from framework.evaluation.metrics.training_summary import summarize_training
from tests.helpers.fake_results import SUBJECT, make_config, make_history
from tests.helpers.figure_asserts import find_cut_off

BOTH = ("training", "validation")


def plot(history, metric="loss", splits=BOTH, **training):
    summary = summarize_training(history, make_config(**training).training_config)
    return plot_curves(history, metric, splits, summary, SUBJECT)


def read_legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_the_lines_are_the_columns_of_the_history():
    history = make_history()
    figure = plot(history)
    training, validation = figure.axes[0].lines[0], figure.axes[0].lines[1]
    assert list(training.get_ydata()) == [row["loss"] for row in history]
    assert list(validation.get_ydata()) == [row["val_loss"] for row in history]
    assert list(training.get_xdata()) == list(range(1, 13))
    assert training.get_linestyle() != validation.get_linestyle()


def test_the_best_epoch_early_stopping_and_fine_tuning_are_marked():
    history = make_history(6, fine_tuning=3)
    figure = plot(
        history,
        epochs=6,
        fine_tuning=FineTuning("block5_conv1", epochs=5),
        call_backs_conf={"EarlyStopping": {"patience": 2}},
    )
    best = min(history, key=lambda row: row["val_loss"])
    assert read_legend(figure) == [
        "training",
        "validation",
        f"best epoch: {best['epoch']} (val_loss {best['val_loss']:.4g})",
        "fine-tuning from epoch 7",
        "early stopping after epoch 9 of 11",
    ]


@pytest.mark.parametrize(
    ("conf", "best"),
    [
        (
            {"monitor": "val_fbeta_score"},
            2,
        ),  # More of it is better, which no part of its name says.
        ({"monitor": "val_true_positives", "mode": "max"}, 2),
        ({"monitor": "val_fbeta_score", "mode": "min"}, 1),
    ],
)
def test_the_best_epoch_is_the_one_that_early_stopping_sees_as_best(conf, best):
    rows = [{"epoch": epoch, conf["monitor"]: value} for epoch, value in ((1, 0.1), (2, 0.9))]
    training = make_config(call_backs_conf={"EarlyStopping": conf}).training_config
    assert summarize_training(rows, training).best == best


@pytest.mark.parametrize("epochs", [3, 9])
def test_the_epoch_that_was_lost_is_marked_and_not_as_early_stopping(epochs):
    *sound, last = make_history(3)
    figure = plot(
        [*sound, {**last, "loss": float("nan"), "val_loss": None}],
        epochs=epochs,
        call_backs_conf={"EarlyStopping": {"patience": 1}},
    )
    assert read_legend(figure)[-1] == f"diverged in epoch 3 of {epochs}"


def test_the_best_epoch_is_by_what_early_stopping_monitors():
    figure = plot(
        make_history(),
        "accuracy",
        call_backs_conf={"EarlyStopping": {"monitor": "val_accuracy"}},
    )
    assert "best epoch: 12 (val_accuracy 0.9408)" in read_legend(figure)


def test_the_best_epoch_is_ringed_on_each_curve():
    history = make_history()
    _, _, *rings = plot(history, "accuracy").axes[0].lines
    best = min(history, key=lambda row: row["val_loss"])
    assert [list(ring.get_ydata()) for ring in rings] == [
        [best["accuracy"]],
        [best["val_accuracy"]],
    ]
    assert list(rings[0].get_xdata()) == [best["epoch"]]


def test_a_model_of_another_epoch_than_the_best_is_told():
    history = make_history()
    summary = replace(summarize_training(history, make_config().training_config), model=12)
    figure = plot_curves(history, "loss", BOTH, summary, SUBJECT)
    assert read_legend(figure)[2].endswith("; the model is of epoch 12")
    assert find_cut_off(figure) == []


def test_one_epoch_is_a_visible_dot():
    figure = plot(make_history(1), epochs=1)
    assert find_cut_off(figure) == []
    assert figure.axes[0].lines[0].get_marker() == "o"
    assert "ended" not in " ".join(read_legend(figure))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None])
def test_a_loss_that_is_no_number_is_said(value):
    history = [{**row, "loss": value, "val_loss": value} for row in make_history(3)]
    figure = plot(history, epochs=3)
    assert find_cut_off(figure) == []
    assert read_legend(figure)[0] == "training (3 of 3 epochs not finite)"
    assert np.isnan(figure.axes[0].lines[0].get_ydata()).all()


def test_a_run_without_training_says_so():
    figure = plot([])
    assert figure.axes[0].texts[0].get_text().startswith("No training in this run")
