import numpy as np
import pytest

from framework.evaluation.figures.confusion_matrix import find_confusions, plot_confusion_matrix
from tests.helpers.fake_results import DIGITS, SUBJECT, make_predictions
from tests.helpers.figure_asserts import draw, find_cut_off, find_overlaps


def read_texts(figure):
    return [text.get_text() for text in figure.texts]


def test_ten_classes_show_counts_and_shares_of_the_true_class():
    matrix = np.diag([90] + [100] * 9)
    matrix[0, 3] = 10
    figure = plot_confusion_matrix(matrix, DIGITS, "test", SUBJECT)
    axes = figure.axes[0]
    cells = {text.get_text() for text in axes.texts}
    assert {"90", "90%", "10", "10%", "100", "100%", "0"} <= cells
    assert axes.images[0].get_array()[0, 3] == pytest.approx(0.1)
    assert axes.get_xlabel() == "predicted class"
    assert axes.get_ylabel() == "true class"
    assert [label.get_text() for label in axes.get_yticklabels()] == list(DIGITS)


def test_titles_say_split_data_weights_and_accuracy():
    figure = plot_confusion_matrix(np.eye(10, dtype=int) * 5, DIGITS, "validation", SUBJECT)
    title, subtitle = read_texts(figure)
    assert title == "Confusion matrix, validation images"
    assert subtitle == f"{SUBJECT} · 50 un-augmented images · accuracy 100.00%"


def test_a_single_mistake_is_never_rounded_away():
    matrix = np.diag([4000] * 10)
    matrix[0, 1] = 1
    figure = plot_confusion_matrix(matrix, DIGITS, "test", SUBJECT)
    cells = [text.get_text() for text in figure.axes[0].texts]
    assert "<0.1%" in cells
    assert "100.0%" in cells  # 4,000 of 4,001, told from the other classes' 100%


@pytest.mark.parametrize("classes", [2, 10, 25, 100])
def test_nothing_is_cut_off_or_overlaps(classes):
    names = [f"a rather long class name, number {place}" for place in range(classes)]
    matrix = make_predictions(np.arange(500) % classes, classes, 0.7).confusion_matrix
    figure = plot_confusion_matrix(matrix, names, "test", SUBJECT)
    assert find_cut_off(figure) == []
    assert find_overlaps(figure) == []


def test_many_classes_list_the_most_frequent_confusions():
    names = [f"class {place}" for place in range(100)]
    matrix = np.eye(100, dtype=int) * 10
    matrix[7, 42] = 30
    figure = plot_confusion_matrix(matrix, names, "test", SUBJECT)
    assert "class 7 → class 42: 30 (75%)" in read_texts(figure)


def test_confusions_come_most_frequent_first_and_without_the_diagonal():
    assert find_confusions(np.array([[9, 1, 0], [3, 9, 0], [0, 2, 9]]), 2) == [
        (1, 0, 3, 0.25),
        (2, 1, 2, pytest.approx(2 / 11)),
    ]


def test_names_are_names_and_no_formulas():
    figure = plot_confusion_matrix(np.eye(2, dtype=int), ["$\\frac$", "<script>"], "test", SUBJECT)
    draw(figure)
