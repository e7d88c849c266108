"""Ridge classification in closed form against scikit-learn's."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge, RidgeClassifier

from framework.training.solvers.ridge import (
    STRENGTHS,
    Kernel,
    Moments,
    choose_strength,
    encode_targets,
    score_images,
    solve_dual,
)
from framework.training.solvers.temperature import fit_temperature

# Images, features, classes: more features, more images, as many, hardly any of both.
SHAPES = [(30, 200, 3), (200, 30, 5), (50, 50, 3), (300, 7, 10), (3, 2, 3)]
STRENGTH = 1e-3


def make_problem(count, features, classes, dtype=np.float64):
    """Features far from zero, so that an intercept is needed."""
    random = np.random.default_rng(count)
    labels = random.permutation(np.arange(count) % classes)
    training = random.standard_normal((count, features)) + 0.3 * labels[:, np.newaxis] + 7
    validation = random.standard_normal((20, features)) + 8
    return training.astype(dtype), labels, validation.astype(dtype)


def score_all_ways(training, labels, validation, classes, weights):
    """The scores of each form, at one strength."""
    targets = encode_targets(labels, classes)
    moments = Moments(training.shape[1], classes)
    for part in np.array_split(np.arange(len(labels)), 2):
        moments.add(training[part], targets[part], weights[part])
    kernel = Kernel(training @ training.T, validation @ training.T)
    return {
        "kernel": kernel.score(targets, weights, [STRENGTH])[0],
        "dual": score_images(validation, *solve_dual(training, targets, weights, [STRENGTH]))[0],
        "primal": score_images(validation, *moments.solve([STRENGTH]))[0],
    }


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_scores_are_those_of_ridge_classifier(shape, weighted):
    training, labels, validation = make_problem(*shape)
    weights = np.random.default_rng(1).uniform(0.5, 2, len(labels)) if weighted else None
    weight = np.ones(len(labels)) if weights is None else weights
    mean = weight @ training / weight.sum()
    alpha = STRENGTH * float(weight @ ((training - mean) ** 2).sum(axis=1))
    reference = RidgeClassifier(alpha=alpha).fit(training, labels, sample_weight=weights)
    expected = reference.decision_function(validation)
    for form, scores in score_all_ways(training, labels, validation, shape[2], weight).items():
        assert scores == pytest.approx(expected, abs=1e-5), form


def test_single_precision_is_as_good_as_scikit_learns():
    training, labels, validation = make_problem(300, 40, 4, np.float32)
    wide = training.astype(np.float64), labels, validation.astype(np.float64)
    exact = score_all_ways(*wide, 4, np.ones(300))
    rough = score_all_ways(training, labels, validation, 4, np.ones(300))
    assert rough["primal"] == pytest.approx(exact["primal"], abs=1e-5)
    assert rough["dual"] == pytest.approx(exact["dual"], abs=1e-5)


def test_every_strength_is_solved_as_if_it_were_the_only_one():
    training, labels, validation = make_problem(40, 60, 3)
    targets, weights = encode_targets(labels, 3), np.ones(40)
    together = solve_dual(training, targets, weights, STRENGTHS)
    spread = ((training - training.mean(axis=0)) ** 2).sum()
    for strength, kernel, bias in zip(STRENGTHS, *together, strict=True):
        alone = Ridge(alpha=strength * spread, solver="svd").fit(training, targets)
        assert validation @ kernel + bias == pytest.approx(alone.predict(validation), abs=1e-5)


def test_strengths_mean_the_same_whatever_the_features_are_scaled_by():
    training, labels, validation = make_problem(40, 60, 3)
    once = score_all_ways(training, labels, validation, 3, np.ones(40))
    scaled = score_all_ways(1000 * training, labels, 1000 * validation, 3, np.ones(40))
    for form, scores in once.items():
        assert scaled[form] == pytest.approx(scores, abs=1e-6)


def test_features_that_are_all_the_same_give_the_mean_of_the_targets():
    targets = encode_targets(np.array([0, 0, 0, 1]), 2)
    moments = Moments(5, 2)
    moments.add(np.ones((4, 5)), targets, np.ones(4))
    kernels, biases = moments.solve([STRENGTH])
    assert score_images(np.ones((1, 5)), kernels, biases)[0, 0] == pytest.approx([0.5, -0.5])


def test_the_strength_that_is_right_most_often_is_chosen_and_of_equals_the_closest():
    labels = np.array([0, 1])
    wrong = np.array([[-1.0, 1.0], [-1.0, 1.0]])
    right = np.array([[0.1, -0.1], [-0.1, 0.1]])
    closer = np.array([[0.9, -0.9], [-0.9, 0.9]])
    assert choose_strength(np.stack([wrong, right, closer]), labels) == 2
    assert choose_strength(np.stack([right, wrong]), labels) == 0


def test_the_temperature_gives_back_the_probabilities_that_labels_were_drawn_from():
    random = np.random.default_rng(0)
    logits = random.standard_normal((20_000, 3)) * 2
    labels = (logits + random.gumbel(size=logits.shape)).argmax(axis=1)
    factor, losses = fit_temperature(logits / 5, labels)
    assert factor == pytest.approx(5, rel=0.05)
    assert losses.shape == labels.shape


def test_a_few_images_that_are_all_right_make_no_answer_certain():
    labels = np.arange(10)
    factor, _ = fit_temperature(encode_targets(labels, 10), labels)
    shares = np.exp(factor * np.array([1.0] + [-1.0] * 9))
    assert 0.8 < shares[0] / shares.sum() < 0.95
