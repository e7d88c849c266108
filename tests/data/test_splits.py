"""Which images train, which validate, which test."""

from dataclasses import replace

import numpy as np
import pytest

from framework.config.model import DataConfig, Limit
from framework.data.dataset import Dataset, hold_out_test
from framework.data.registry import load_digits
from framework.data.source import ArraySource
from framework.data.splits import split_dataset
from framework.errors import RunError

NAMES = ("cat", "dog", "emu")


def make_source(*counts):
    """Returns so many images of each class, each of its own color."""
    labels = np.repeat(np.arange(len(counts)), counts)
    return ArraySource(np.arange(len(labels), dtype=np.uint8).reshape(-1, 1, 1), labels)


def test_validation_images_of_their_own_leave_all_training_images_to_train_on():
    digits = load_digits()
    dataset = replace(digits, validation=digits.test.select(np.arange(40)))

    splits = split_dataset(dataset, DataConfig(), seed=0)

    assert len(splits.training) == len(digits.train.labels)
    assert splits.validation.digests == list(digits.test.digests[:40])


def test_the_seed_does_not_choose_the_test_images():
    first, second = (
        split_dataset(load_digits(), DataConfig(limit=Limit(train=200, test=50)), seed)
        for seed in (0, 1)
    )
    assert first.test.digests == second.test.digests
    assert first.training.digests != second.training.digests


@pytest.mark.parametrize(
    ("counts", "limit"),
    [((20, 20, 20), 59), ((20, 20, 20), 58), ((20, 20, 20), 57), ((57, 2, 1), 59), ((4, 1, 2), 5)],
)
def test_a_limit_just_below_the_size_is_drawn(counts, limit):
    source = make_source(*counts)
    data = Dataset("npz", make_source(20, 20, 20), source, NAMES, "there")
    splits = split_dataset(data, DataConfig(limit=Limit(test=limit)), 0)
    assert len(set(splits.test.digests)) == limit
    assert set(splits.test.labels) == {0, 1, 2}


@pytest.mark.parametrize(
    ("counts", "limit", "said"),
    [
        ((20, 20, 20), 2, "expected at least 3, one of each class."),
        ((57, 2, 1), 50, "there is only 1 image of 'emu', and each class needs 2. Add images, or "
         "leave the class out, or set no limit."),
    ],
)  # fmt: skip
def test_a_limit_that_no_draw_has_is_told_with_what_would_do(counts, limit, said):
    data = Dataset("npz", make_source(20, 20, 20), make_source(*counts), NAMES, "there")
    with pytest.raises(RunError) as error:
        split_dataset(data, DataConfig(limit=Limit(test=limit)), 0)
    assert str(error.value) == (
        f"data_config.limit.test: {limit} of 60 images can't be drawn with every class among "
        f"them: {said}"
    )


@pytest.mark.parametrize(
    ("counts", "share", "said"),
    [
        ((9, 9, 1), 0.2, "there is only 1 image of 'emu', and each class needs 2. Add images, or "
         "leave the class out."),
        ((2, 2, 1), 0.2, "there is only 1 image of 'emu'"),
        ((3, 2, 0), 0.2, "expected at least 0.4, for 2 classes, of which 'dog' is the smallest, "
         "with 2 images."),
        ((30, 50, 20), 0.01, "expected at least 0.03, for 3 classes, of which 'emu' is the "
         "smallest, with 20 images."),
        ((30, 50, 20), 0.98, "expected at most 0.97, "),
        ((2, 1, 0), 0.5, "there is only 1 image of 'dog'"),
    ],
)  # fmt: skip
def test_a_share_that_no_split_has_is_told_with_the_one_that_would_do(counts, share, said):
    with pytest.raises(RunError) as error:
        hold_out_test(make_source(*counts), share, "there", NAMES)
    assert f"there: data_config.dataset.test_fraction: {share:g} of {sum(counts)}" in str(
        error.value
    )
    assert said in str(error.value)


def test_the_share_that_is_told_would_do():
    random = np.random.default_rng(0)
    for _ in range(200):
        counts = random.integers(2, 40, random.integers(2, 30))
        source, names = make_source(*counts), list(map(str, range(len(counts))))
        for share in (1e-9, 1 - 1e-9):
            with pytest.raises(RunError) as error:
                hold_out_test(source, share, "there", names)
            told = str(error.value).split("expected at ")[1].split(",")[0].split()[1]
            train, test = hold_out_test(source, float(told), "there", names)
            assert len(train.labels) + len(test.labels) == counts.sum()
