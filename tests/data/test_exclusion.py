"""Images that a file leaves out of a data set."""

import numpy as np
import pytest

from framework.config.model import DataConfig, DatasetConfig
from framework.data.dataset import order_classes
from framework.data.registry import load_dataset
from framework.data.splits import split_dataset
from framework.errors import RunError


def load(tmp_path, text):
    path = tmp_path / "marked.csv"
    path.write_text(text)
    return load_dataset(DatasetConfig("digits", exclude=str(path)))[0]


def find_label(split, index):
    dataset = load_dataset(DatasetConfig("digits"))[0]
    source = dataset.find_source(split)
    return dataset.class_names[source.labels[index]]


def test_training_validation_and_test_images_are_left_out_and_keep_their_numbers(tmp_path):
    dataset = load(
        tmp_path,
        "split,index_or_path,issue\ntraining,5,blank\nvalidation,7,blank\ntest,3,tiny\ntest,3,x\n",
    )
    splits = split_dataset(dataset, DataConfig(), 0)
    used = np.concatenate([splits.training.indices, splits.validation.indices])
    assert sorted(used) == sorted(set(range(len(dataset.train.labels))) - {5, 7})
    assert sorted(splits.test.indices) == sorted(set(range(len(dataset.test.labels))) - {3})
    assert dataset.remarks[0].endswith("1 training image, 1 validation image, 1 test image")


def test_a_column_marks_rows(tmp_path):
    dataset = load(tmp_path, "split;index_or_path;exclude\ntrain;5;x\ntrain;6;\ntest;1;no\n")
    assert dataset.excluded["train"].tolist() == [5]
    assert dataset.excluded["test"].tolist() == []


def test_a_file_without_marks_leaves_nothing_out_and_says_so(tmp_path):
    dataset = load(tmp_path, "split,index_or_path,exclude\ntrain,5,\n")
    assert "marks no image" in dataset.remarks[0]
    assert not dataset.excluded


def test_the_order_of_classes_does_not_change_what_is_left_out(tmp_path):
    dataset = load(tmp_path, "split,index_or_path\ntrain,5\n")
    turned = order_classes(dataset, dataset.class_names[::-1])
    (position,) = turned.excluded["train"]
    np.testing.assert_array_equal(turned.train.images[position], dataset.train.images[5])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("split,name\ntrain,5\n", "has no column 'index_or_path'"),
        ("split,index_or_path\nholdout,5\n", "line 2: expected training, validation or test"),
        ("split,index_or_path\ntrain,99999\n", "there is no training image '99999' in"),
        ("split,index_or_path,exclude\ntrain,5,perhaps\n", "expected 'x' or nothing"),
        ("split,index_or_path,label\ntrain,5,nine\n", "not 'nine'"),
        ("", "has no column 'split'"),
    ],
)
def test_a_file_of_another_kind_is_refused(tmp_path, text, message):
    with pytest.raises(RunError) as caught:
        load(tmp_path, text)
    assert message in str(caught.value)
    assert str(caught.value).startswith("data_config.dataset.exclude: ")


def test_a_label_that_a_spreadsheet_changed_is_the_same(tmp_path):
    label = find_label("train", 5)
    dataset = load(tmp_path, f"split,index_or_path,label\ntrain,5,{label}.0\n")
    assert dataset.excluded["train"].tolist() == [5]


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(RunError, match=r"there is no file .*gone\.csv"):
        load_dataset(DatasetConfig("digits", exclude=str(tmp_path / "gone.csv")))
