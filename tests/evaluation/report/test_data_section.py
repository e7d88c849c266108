"""The report's section on suspicious images."""

from dataclasses import replace

import numpy as np

from framework.config.model import ReportConfig
from framework.evaluation.report.data_section import find_data_issues
from tests.helpers.fake_results import ArrayImages, make_report_inputs


def sure_of(labels, classes=10, share=0.995):
    probabilities = np.full((len(labels), classes), (1 - share) / (classes - 1), np.float32)
    probabilities[np.arange(len(labels)), labels] = share
    return probabilities


def make_inputs(**changes):
    """Inputs of a classifier that is right everywhere."""
    inputs = make_report_inputs()
    predictions = {
        split: replace(each, probabilities=sure_of(each.true), novelty=None)
        for split, each in inputs.predictions.items()
    }
    return replace(inputs, predictions=predictions, **changes)


def change_label(inputs, split, position):
    """Give an image another label than the one that is predicted."""
    each = inputs.predictions[split]
    true = each.true.copy()
    true[position] = (true[position] + 1) % 10
    images = inputs.images[split]
    changed = ArrayImages(images.pixels, true)
    return replace(
        inputs,
        predictions={**inputs.predictions, split: replace(each, true=true)},
        images={**inputs.images, split: changed},
    )


def test_sound_images_give_no_section():
    assert find_data_issues(make_inputs()) == []


def test_a_wrong_label_is_shown_with_the_class_that_is_predicted():
    inputs = change_label(make_inputs(), "test", 7)
    (kind,) = find_data_issues(inputs)
    assert (kind["name"], kind["count"]) == ("label error", 1)
    (shown,) = kind["shown"]
    assert shown["name"] == "no. 7"
    assert shown["split"] == "test"
    assert shown["suggested"] == str((int(shown["label"]) - 1) % 10)
    assert shown["uri"].startswith("data:image/png;base64,")


def test_a_copy_of_a_training_image_and_an_outlier_are_shown():
    inputs = make_inputs()
    test, training = inputs.images["test"], inputs.images["training"]
    pixels = test.pixels.copy()
    pixels[3] = training.pixels[11]
    novelty = np.random.default_rng(0).lognormal(0, 0.1, len(test)).astype(np.float32)
    novelty[20] = 30
    predictions = replace(inputs.predictions["test"], novelty=novelty)
    found = find_data_issues(
        replace(
            inputs,
            images={**inputs.images, "test": ArrayImages(pixels, test.labels)},
            predictions={**inputs.predictions, "test": predictions},
        )
    )
    assert [(kind["name"], kind["shown"][0]["name"]) for kind in found] == [
        ("duplicate across splits", "no. 3"),
        ("outlier", "no. 20"),
    ]


def test_the_section_can_be_switched_off():
    inputs = change_label(make_inputs(), "test", 7)
    config = replace(inputs.config, report_config=ReportConfig(data_issues=False))
    assert find_data_issues(replace(inputs, config=config)) == []


def test_broken_probabilities_do_not_end_a_report():
    inputs = make_inputs()
    broken = np.full_like(inputs.predictions["test"].probabilities, np.nan)
    test = replace(inputs.predictions["test"], probabilities=broken)
    assert find_data_issues(replace(inputs, predictions={**inputs.predictions, "test": test})) == []
