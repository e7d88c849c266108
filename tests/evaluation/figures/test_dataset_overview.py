import numpy as np
import pytest

from framework.evaluation.figure_data.data_overview import collect_overview
from framework.evaluation.figures.dataset_overview import plot_dataset
from tests.helpers.fake_results import DIGITS, SUBJECT, load_digit_images, make_noise_images
from tests.helpers.figure_asserts import find_cut_off, find_overlaps

LONG = [f"a rather long class name, number {index}" for index in range(100)]


@pytest.fixture(scope="module")
def images():
    return load_digit_images(1400, 1797)


def test_the_data_show_counts_and_images_of_every_class(images):
    splits = {"training": load_digit_images(0, 1200), "validation": images, "test": images}
    figure = plot_dataset(collect_overview(splits, DIGITS, augmented=True), SUBJECT)
    counts, plain, augmented = figure.axes
    widths = [bar.get_width() for bar in counts.patches[:10]]
    assert widths == np.bincount(splits["training"].labels).tolist()
    first = splits["training"].pixels[np.flatnonzero(splits["training"].labels == 0)[0]]
    assert (plain.images[0].get_array()[:32, :32] == first).all()
    darker = np.rint(0.7 * first.astype(np.float32))
    assert (augmented.images[0].get_array()[:32, :32] == darker).all()
    assert find_cut_off(figure) == []


def test_without_augmentation_only_the_plain_images_are_shown(images):
    splits = {"training": images, "validation": images, "test": images}
    assert len(plot_dataset(collect_overview(splits, DIGITS, False), SUBJECT).axes) == 2


@pytest.mark.parametrize("classes", [20, 100])
def test_the_data_of_many_classes_fit(classes):
    splits = {
        split: make_noise_images(300, classes) for split in ("training", "validation", "test")
    }
    figure = plot_dataset(collect_overview(splits, LONG[:classes], augmented=True), SUBJECT)
    assert find_cut_off(figure) == []
    assert find_overlaps(figure) == []
