"""Which images train, which validate."""

from dataclasses import replace

import numpy as np

from framework.config.model import DataConfig
from framework.data.registry import load_digits
from framework.data.splits import split_dataset


def test_validation_images_of_their_own_leave_all_training_images_to_train_on():
    digits = load_digits()
    dataset = replace(digits, validation=digits.test.select(np.arange(40)))

    splits = split_dataset(dataset, DataConfig(), seed=0)

    assert len(splits.training) == len(digits.train.labels)
    assert splits.validation.digests == list(digits.test.digests[:40])
