"""Fake results of runs: made-up predictions and histories over real digits."""

from dataclasses import replace

import numpy as np
from sklearn.datasets import load_digits

from framework.config.model import (
    Config,
    DataConfig,
    DatasetConfig,
    KerasObject,
    ModelConfiguration,
    TopLayer,
    TrainingConfig,
    Weights,
)
from framework.data.source import ArraySource
from framework.evaluation.metrics.classification_metrics import compute_metrics
from framework.evaluation.metrics.predictions import Predictions
from framework.evaluation.report.report_inputs import SPLITS, ReportInputs

SUBJECT = "VGG16 (random weights) on digits"
DIGITS = tuple("0123456789")


def make_predictions(true, classes=10, accuracy=0.9, seed=0):
    """Made-up probabilities that are right for about a share `accuracy` of the images."""
    rng = np.random.default_rng(seed)
    true = np.asarray(true, dtype=np.int64)
    said = np.where(rng.random(len(true)) < accuracy, true, rng.integers(0, classes, len(true)))
    logits = rng.normal(0.0, 1.0, (len(true), classes))
    logits[np.arange(len(true)), said] += rng.uniform(3.0, 7.0, len(true))
    odds = np.exp(logits)
    probabilities = (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)
    picked = probabilities[np.arange(len(true)), true]
    return Predictions(np.arange(len(true)), true, probabilities, float(-np.log(picked).mean()))


def make_sure_predictions(true, said, classes=10, loss=0.5):
    """Predictions that put 0.9 on the class named for each image."""
    probabilities = np.full((len(true), classes), 0.1 / (classes - 1), dtype=np.float32)
    probabilities[np.arange(len(true)), said] = 0.9
    return Predictions(np.arange(len(true)), np.asarray(true), probabilities, loss)


def make_history(epochs=12, fine_tuning=0):
    rows = []
    for epoch in range(1, epochs + fine_tuning + 1):
        loss = 2.0 * 0.7**epoch
        rows.append(
            {
                "epoch": epoch,
                "loss": loss,
                "accuracy": 1 - loss / 3,
                "val_loss": loss + 0.1 + 0.004 * (epoch - 6) ** 2,
                "val_accuracy": 0.95 - loss / 3,
                "learning_rate": 1e-3,
                "seconds": 1.5,
                "phase": "top" if epoch <= epochs else "fine_tuning",
            }
        )
    return rows


def make_config(**training):
    top = {
        "Flatten_Layer": TopLayer("Flatten", {}, "backbone"),
        "dense_1": TopLayer("Dense", {"units": 10, "activation": "softmax"}, "Flatten_Layer"),
    }
    return Config(
        training_config=TrainingConfig(
            **{"epochs": 12, "optimizer": KerasObject("Adam", {"learning_rate": 1e-3}), **training}
        ),
        data_config=DataConfig(dataset=DatasetConfig("digits")),
        model_configuration=ModelConfiguration("VGG16", top, Weights(None)),
    )


class ArrayImages:
    """Images in memory; an augmented view is darker."""

    file_names = ()

    def __init__(self, pixels, labels):
        self.pixels = pixels
        self.labels = np.asarray(labels, dtype=np.int64)
        self.indices = np.arange(len(labels))
        self.source = ArraySource(pixels.astype(np.uint8), self.labels)
        self.digests = self.source.digests

    def __len__(self):
        return len(self.labels)

    def read(self, positions, view=0):
        return self.pixels[positions].astype(np.float32) * (0.7 if view else 1.0)


def load_digit_images(start, end, classes=10):
    """Real digits, 32x32 in RGB: those of the first classes among the images from start to end."""
    digits = load_digits()
    kept = np.flatnonzero(digits.target[start:end] < classes) + start
    gray = (digits.images[kept] * (255 / 16)).astype(np.uint8)
    pixels = np.repeat(np.repeat(gray, 4, axis=1), 4, axis=2)[..., None].repeat(3, axis=3)
    return ArrayImages(pixels, digits.target[kept])


def make_noise_images(count, classes=100):
    noise = np.random.default_rng(0).integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)
    return ArrayImages(noise, np.arange(count) % classes)


def make_report_inputs(classes=10, **changes):
    names = DIGITS[:classes]
    images = {
        "training": load_digit_images(0, 1200, classes),
        "validation": load_digit_images(1200, 1400, classes),
        "test": load_digit_images(1400, 1797, classes),
    }
    predictions = {
        split: make_predictions(images[split].labels, classes, seed=place)
        for place, split in enumerate(SPLITS)
    }
    inputs = ReportInputs(
        config=make_config(),
        subject=SUBJECT,
        class_names=names,
        predictions=predictions,
        images=images,
        history=make_history(),
        environment={"python": "3.11.2", "keras": "3.15.1", "substitutions": []},
    )
    return add_metrics(replace(inputs, **changes))


def add_metrics(inputs):
    """The same inputs with the metrics of its predictions."""
    metrics = {
        split: compute_metrics(predictions, inputs.class_names)
        for split, predictions in inputs.predictions.items()
    }
    metrics["parameters"] = {"total": 14719818, "trainable": 5130, "non_trainable": 14714688}
    metrics["timing"] = {"data": 0.4, "features": 6.1, "training": 12.25, "evaluation": 1.5}
    return replace(inputs, metrics=metrics)
