"""What makes an image suspicious, on images whose flaws are known."""

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from framework.evaluation.data_issues.data_issue import ISSUES, DataIssue, sort_issues
from framework.evaluation.data_issues.label_errors import find_label_errors
from framework.evaluation.data_issues.near_duplicates import SIDE, find_near_duplicates
from framework.evaluation.data_issues.outliers import find_outliers
from framework.evaluation.data_issues.picture_survey import find_defects, survey_picture
from tests.helpers.flawed_folder import copy_roughly, paint


def make_thumbnails(pictures):
    return np.stack([survey_picture(Image.fromarray(each)).thumbnail for each in pictures])


def find(thumbnails):
    count = len(thumbnails)
    nobody = np.tile(np.arange(count)[:, np.newaxis], 5)  # Features give no candidate.
    return find_near_duplicates(thumbnails, np.arange(count), nobody)


class TestNearDuplicates:
    def test_rough_copies_are_found_and_nothing_else(self):
        random = np.random.default_rng(1)
        pictures = [paint(random, "left") for _ in range(150)]
        copies = [copy_roughly(pictures[number]) for number in range(50)]
        found = find(make_thumbnails(pictures + copies))
        pairs = set(zip(found.first.tolist(), found.second.tolist(), strict=True))
        right = {(number, 150 + number) for number in range(50)}
        assert len(pairs & right) >= 45
        assert pairs <= right
        assert (found.correlation > 0.94).all()

    def test_a_picture_that_was_copied_twice_is_found(self):
        random = np.random.default_rng(1)
        pictures = [paint(random, "top") for _ in range(60)]
        found = find(make_thumbnails([*pictures, pictures[4], copy_roughly(pictures[4])]))
        assert {4, 60, 61} <= {*found.first.tolist(), *found.second.tolist()}

    def test_different_digits_are_no_copies(self):
        digits = load_digits().images[:1000].astype(np.uint8) * 15
        large = [np.asarray(Image.fromarray(each).resize((28, 28), 3)) for each in digits]
        assert len(find(make_thumbnails(large)).first) <= 1

    def test_few_pictures_have_no_near_duplicates(self):
        assert len(find(np.zeros((3, SIDE, SIDE), np.uint8)).first) == 0

    def test_noise_has_no_near_duplicates(self):
        noise = np.random.default_rng(0).integers(0, 256, (60, SIDE, SIDE), dtype=np.uint8)
        assert len(find(noise).first) == 0


class TestLabelErrors:
    def test_a_class_that_is_ten_times_as_probable_is_suggested(self):
        probabilities = np.array([[0.95, 0.04, 0.01], [0.95, 0.04, 0.01], [0.5, 0.3, 0.2]])
        errors = find_label_errors(np.array([0, 1, 1]), probabilities)
        assert errors.positions.tolist() == [1]
        assert errors.suggested.tolist() == [0]
        assert errors.scores[0] == pytest.approx(0.95 / 0.99)

    def test_cleanlab_agrees_on_what_is_plain(self):
        random = np.random.default_rng(0)
        labels = random.integers(0, 3, 300)
        probabilities = np.full((300, 3), 0.02)
        probabilities[np.arange(300), labels] = 0.96
        labels[:5] = (labels[:5] + 1) % 3
        errors = find_label_errors(labels, probabilities, "confident_learning")
        assert errors.positions.tolist() == [0, 1, 2, 3, 4]


class TestOutliers:
    def test_only_what_is_far_from_all_is_found(self):
        distances = np.random.default_rng(0).lognormal(0, 0.2, 1000)
        distances[7] = 20
        positions, scores = find_outliers(distances)
        assert positions.tolist() == [7]
        assert scores[0] == pytest.approx(0.95, abs=0.01)

    @pytest.mark.parametrize("distances", [np.empty(0), np.zeros(9), np.ones(9)])
    def test_equal_distances_have_no_outliers(self, distances):
        assert len(find_outliers(distances)[0]) == 0


def survey(rows, columns, low=0, high=255, rotated=False):
    pixels = np.random.default_rng(0).integers(low, high + 1, (rows, columns), dtype=np.uint8)
    return survey_picture(Image.fromarray(pixels), rotated)


def test_defects_are_told_by_their_kind():
    sound = [survey(40, 50) for _ in range(20)]
    odd = [survey(40, 50, 90, 90), survey(40, 50, 0, 20), survey(8, 10), survey(40, 200)]
    issues = find_defects([*sound, *odd])
    assert [(each.position, each.issue) for each in issues] == [
        (20, "blank"), (21, "nearly black"), (22, "tiny"), (23, "extreme shape"),
    ]  # fmt: skip
    assert all(0 <= each.score <= 1 for each in issues)


def test_rotations_of_a_telephone_are_not_listed():
    few = find_defects([survey(40, 50, rotated=number < 3) for number in range(100)])
    many = find_defects([survey(40, 50, rotated=number < 30) for number in range(100)])
    assert [each.issue for each in few] == ["rotated by EXIF"] * 3
    assert many == []


def test_the_worst_kind_comes_first():
    issues = [DataIssue(0, issue, 0.5) for issue in reversed(ISSUES)]
    assert [each.issue for each in sort_issues(issues)] == list(ISSUES)
