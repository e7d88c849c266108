"""Training in one phase and in two."""

import csv
from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import layers

from framework.config.model import (
    Config,
    DataConfig,
    FeatureCache,
    FineTuning,
    ImageShape,
    ModelConfiguration,
    TrainingConfig,
)
from framework.data.images import Images
from framework.data.source import ArraySource
from framework.data.splits import Splits
from framework.features.feature_sources import ImageFeatures
from framework.features.prepare_head import prepare_head
from framework.models.classifier import Classifier
from framework.models.freezing import freeze_layers, unfreeze_layers
from framework.training.objectives import build_loss
from framework.training.trainer import Trainer

SHAPE = (8, 8, 1)
NAMES = ("dark", "bright")


@pytest.fixture
def splits():
    """Dark and bright images, 60 to train on and 20 each to validate and to test."""
    random = np.random.default_rng(0)
    labels = np.arange(100) % 2
    pixels = random.integers(0, 200, (100, 8, 8)) + 55 * labels[:, None, None]
    source = ArraySource(pixels.astype(np.uint8), labels)
    parts = np.split(np.arange(100), [60, 80])
    return Splits(*(Images(source, part, SHAPE) for part in parts))


@pytest.fixture
def classifier():
    """A frozen backbone of two convolutions with BatchNormalization, and a dense top."""
    keras.utils.set_random_seed(1)
    image = keras.Input(SHAPE, name="image")
    x = layers.Rescaling(1 / 255, name="preprocessing")(image)
    for block in ("block1", "block2"):
        x = layers.Conv2D(3, 3, name=f"{block}_conv")(x)
        x = layers.BatchNormalization(name=f"{block}_bn")(x)
        x = layers.ReLU(name=f"{block}_relu")(x)
    backbone = keras.Model(image, x)
    freeze_layers(backbone.layers, "none")
    output = layers.Dense(2, activation="softmax", name="dense")(layers.Flatten()(x))
    names = tuple(layer.name for layer in backbone.layers)
    return Classifier(keras.Model(image, output), NAMES, names)


def make_config(directory, **training):
    cache = FeatureCache(directory=str(directory / "cache"))
    return Config(
        TrainingConfig(feature_cache=cache, batch_size=16, **training),
        DataConfig(image_shape=ImageShape(8, 8, 1)),
        ModelConfiguration("none", {}),
    )


def run_phases(classifier, splits, config, directory):
    trainer = Trainer(classifier, config, directory)
    for phase in trainer.phases:
        if phase.unfreeze_from is not None:
            unfreeze_layers(classifier.list_backbone_layers(), phase.unfreeze_from)
        cut, features = prepare_head(classifier, splits, config)
        result = trainer.train(phase, cut.head, features)
    return result


def read_weights(classifier, layer):
    return [weight.copy() for weight in classifier.model.get_layer(layer).get_weights()]


def are_equal(before, after):
    return all(np.array_equal(one, other) for one, other in zip(before, after, strict=True))


def test_fine_tuning_trains_what_is_unfrozen_and_leaves_the_rest_bit_identical(
    classifier, splits, tmp_path
):
    config = make_config(tmp_path, epochs=2, fine_tuning=FineTuning("block2_conv", 2, 1e-2))
    frozen = ("block1_conv", "block1_bn", "block2_bn")
    before = {name: read_weights(classifier, name) for name in (*frozen, "block2_conv", "dense")}

    run_phases(classifier, splits, config, tmp_path)

    changed = {
        name for name in before if not are_equal(before[name], read_weights(classifier, name))
    }
    assert changed == {"block2_conv", "dense"}


def test_history_goes_on_through_the_phases(classifier, splits, tmp_path):
    config = make_config(
        tmp_path,
        epochs=3,
        fine_tuning=FineTuning("block2_conv", 2, 1e-4),
        call_backs_conf={"CSVLogger": {"filename": "log.csv"}},
    )

    history = run_phases(classifier, splits, config, tmp_path).history

    assert [row["epoch"] for row in history] == [1, 2, 3, 4, 5]
    assert [row["phase"] for row in history] == ["top"] * 3 + ["fine_tuning"] * 2
    assert [row["learning_rate"] for row in history] == pytest.approx([1e-3] * 3 + [1e-4] * 2)
    with (tmp_path / "history.csv").open(newline="") as file:
        assert [row["phase"] for row in csv.DictReader(file)] == [row["phase"] for row in history]
    with (tmp_path / "log.csv").open(newline="") as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["0", "1", "2", "3", "4"]


def test_history_has_the_learning_rate_that_an_epoch_trained_with(classifier, splits, tmp_path):
    # No epoch is better by 100, so that each but the first halves the rate of the next.
    reduce = {"patience": 1, "factor": 0.5, "min_delta": 100}
    config = make_config(tmp_path, epochs=4, call_backs_conf={"ReduceLROnPlateau": reduce})

    history = run_phases(classifier, splits, config, tmp_path).history

    rates = [row["learning_rate"] for row in history]
    assert rates == pytest.approx([1e-3, 1e-3, 5e-4, 2.5e-4])


def test_one_phase_has_no_phase_column(classifier, splits, tmp_path):
    history = run_phases(classifier, splits, make_config(tmp_path, epochs=1), tmp_path).history

    assert list(history[0]) == [
        "epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "seconds",
    ]  # fmt: skip


@pytest.mark.parametrize(("learning_rate", "winner"), [(10.0, "top"), (3e-3, "fine_tuning")])
def test_the_best_epoch_of_either_phase_wins(classifier, splits, tmp_path, learning_rate, winner):
    tuning = FineTuning("block1_conv", 3, learning_rate)
    config = make_config(tmp_path, epochs=3, fine_tuning=tuning)

    history = run_phases(classifier, splits, config, tmp_path).history

    best = min(history, key=lambda row: row["val_loss"])
    images = splits.validation
    output = classifier.model.predict(images.read(np.arange(len(images))), verbose=0)
    loss = build_loss(config.training_config.loss)(images.labels, output)
    assert best["phase"] == winner
    assert np.mean(loss) == pytest.approx(best["val_loss"], rel=1e-4)


@pytest.mark.parametrize(
    ("training", "is_best"),
    [
        ({}, False),
        ({"call_backs_conf": {"EarlyStopping": {"patience": 1}}}, False),
        (
            {"call_backs_conf": {"EarlyStopping": {"patience": 9, "restore_best_weights": True}}},
            True,
        ),
        ({"fine_tuning": FineTuning("block1_conv", 3, 1e-3)}, True),
    ],
    ids=["no callback", "early stopping", "restored", "fine-tuning"],
)
def test_the_epoch_that_the_model_is_of_is_known(classifier, splits, tmp_path, training, is_best):
    config = make_config(tmp_path, epochs=5, **training)
    # What is learned makes validation worse from epoch to epoch.
    source = splits.validation.source
    wrong = replace(splits.validation, source=ArraySource(source.images, 1 - source.labels))
    splits = replace(splits, validation=wrong)

    result = run_phases(classifier, splits, config, tmp_path)

    entries = result.describe()
    row = result.history[entries["model_epoch"] - 1]
    images = splits.validation
    output = classifier.model.predict(images.read(np.arange(len(images))), verbose=0)
    loss = build_loss(config.training_config.loss)(images.labels, output)
    assert np.mean(loss) == pytest.approx(row["val_loss"], rel=1e-4)
    assert result.history[entries["best_epoch"] - 1]["val_loss"] == min(
        row["val_loss"] for row in result.history
    )
    assert (entries["model_epoch"] == entries["best_epoch"]) == is_best


def test_a_backbone_that_trains_whole_reads_the_images(classifier, splits, tmp_path):
    freeze_layers(classifier.list_backbone_layers(), "all")
    before = read_weights(classifier, "block1_bn")

    _, features = prepare_head(classifier, splits, make_config(tmp_path))
    run_phases(classifier, splits, make_config(tmp_path, epochs=1), tmp_path)

    assert isinstance(features["training"], ImageFeatures)
    assert not are_equal(before, read_weights(classifier, "block1_bn"))


def test_a_backbone_that_trains_from_a_layer_up_stores_what_lies_below(
    classifier, splits, tmp_path
):
    freeze_layers(classifier.list_backbone_layers(), "block2_conv")

    cut, _ = prepare_head(classifier, splits, make_config(tmp_path))

    assert cut.layers == ("block1_relu",)
    assert {layer.name for layer in cut.head.layers if layer.trainable_weights} == {
        "block2_conv", "block2_bn", "dense",
    }  # fmt: skip
