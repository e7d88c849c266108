"""What the console says at the end of a run."""

import logging

import pytest

from framework import load_config
from framework.runs.announcements import announce_results
from tests.config.test_loader import PUBLISHED

METRICS = {
    "test": {
        "accuracy": 0.9,
        "accuracy_interval": (0.8, 0.95),
        "per_class": {"a": {"support": 30}, "b": {"support": 10}},
    },
    "timing": {"features": 1.0},
}
PLAIN = {"model_configuration.model_name": "none"}


@pytest.mark.parametrize(
    ("overrides", "stored"),
    [
        ({}, True),
        ({"training_config.fine_tuning": {"unfreeze_from": "block5_conv1"}}, True),
        ({"training_config.feature_cache.mode": "off"}, False),
        ({"training_config.feature_cache.augmented_views": "fresh"}, False),
        ({"model_configuration.trainable": "all"}, False),
        (PLAIN, False),
    ],
)
def test_stored_features_are_named_only_where_there_are_some(tmp_path, caplog, overrides, stored):
    caplog.set_level(logging.INFO)
    announce_results(METRICS, tmp_path, load_config(PUBLISHED, overrides))
    assert "Test accuracy 90.00 % on 40 images" in caplog.text
    assert ("stored features make it quick" in caplog.text) is stored
