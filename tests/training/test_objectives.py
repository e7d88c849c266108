"""Losses, optimizers and class weights as a config names them."""

import keras
import numpy as np
import pytest

from framework.config.model import KerasObject, TrainingConfig
from framework.errors import RunError
from framework.training.objectives import build_loss, build_optimizer, weigh_classes


def test_label_smoothing_smooths():
    loss = build_loss(KerasObject("categorical_crossentropy", {"label_smoothing": 0.2}))
    target, answer = np.array([[1.0, 0.0]]), np.array([[0.9, 0.1]])

    assert float(loss(target, answer)) == pytest.approx(-0.9 * np.log(0.9) - 0.1 * np.log(0.1))


def test_a_schedule_sets_the_learning_rate():
    schedule = {
        "class_name": "CosineDecay",
        "config": {"initial_learning_rate": 0.5, "decay_steps": 10},
    }
    optimizer = build_optimizer(KerasObject("SGD", {"learning_rate": schedule, "momentum": 0.9}))

    assert isinstance(optimizer, keras.optimizers.SGD)
    assert float(optimizer.learning_rate) == pytest.approx(0.5)
    optimizer.iterations.assign(10)
    assert float(optimizer.learning_rate) == pytest.approx(0.0, abs=1e-7)


def test_averaged_weights_are_those_that_stay():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.compile(
        build_optimizer(
            KerasObject("SGD", {"learning_rate": 0.1, "use_ema": True, "ema_momentum": 0.5})
        ),
        "mse",
    )
    start = float(model.get_weights()[0][0, 0])
    model.fit(np.ones((1, 1)), np.zeros((1, 1)), epochs=2, verbose=0)

    # Each step takes 0.1 times the gradient, 2 w; the average starts after the first.
    assert float(model.get_weights()[0][0, 0]) == pytest.approx(
        start * (0.8 + 0.8**2) / 2, rel=1e-5
    )


def test_balanced_classes_weigh_alike():
    labels = np.array([0, 0, 0, 1])
    weights = weigh_classes(TrainingConfig(class_weight="balanced"), labels, ("many", "few"))

    assert weights == pytest.approx({0: 4 / 6, 1: 4 / 2})


def test_classes_are_weighed_by_name():
    config = TrainingConfig(class_weight={"few": 3.0})

    weights = weigh_classes(config, np.array([0, 1]), ("many", "few", "other"))

    assert weights == {0: 1.0, 1: 3.0, 2: 1.0}, "Keras fails over a class without a weight"


def test_a_class_that_there_is_not_can_not_be_weighed():
    config = TrainingConfig(class_weight={"some": 3.0})

    with pytest.raises(RunError, match=r"no class 'some'. The classes are 'many', 'few'"):
        weigh_classes(config, np.array([0, 1]), ("many", "few"))
