import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import framework
from framework.data.registry import load_digits
from framework.errors import RunError
from framework.inference.trained_classifier import load_classifier


@pytest.fixture(scope="module")
def test_images():
    return load_digits().test.images


@pytest.fixture
def copy(digits_run, tmp_path):
    return shutil.copytree(digits_run, tmp_path / "run")


def test_importing_the_package_does_not_import_tensorflow():
    code = "import sys, framework; assert 'tensorflow' not in sys.modules, 'tensorflow'"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_unknown_public_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'load_clasifier'"):
        _ = framework.load_clasifier


def test_its_accuracy_is_that_of_its_run(trained, test_images):
    labels = load_digits().test.labels
    predictions = trained.predict(test_images[:, :, :, np.newaxis], coverage=1)
    right = np.mean([int(one.predicted) for one in predictions] == labels)
    assert right == pytest.approx(trained.test_accuracy)
    assert right > 0.9


def test_a_prediction_names_the_most_probable_classes_in_order(trained, test_images):
    (prediction,) = trained.predict(test_images[0], top=4)
    names, shares = zip(*prediction.top, strict=True)
    assert len(names) == 4
    assert prediction.predicted == names[0]
    assert prediction.confidence == shares[0] == max(shares)
    assert list(shares) == sorted(shares, reverse=True)


def test_probabilities_are_in_the_order_of_the_class_names(trained, test_images):
    probabilities = trained.predict_probabilities(list(test_images[:100]))
    assert probabilities.shape == (100, 10)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    named = [one.predicted for one in trained.predict(list(test_images[:100]), coverage=1)]
    assert named == [trained.class_names[place] for place in probabilities.argmax(axis=1)]


def test_paths_pillow_images_and_arrays_give_the_same_prediction(trained, test_images, tmp_path):
    path = tmp_path / "digit.png"
    picture = Image.fromarray(test_images[3])
    picture.save(path)
    pixels = test_images[3]
    forms = [
        path,
        str(path),
        picture,
        picture.convert("RGB"),
        picture.convert("P"),
        pixels,
        pixels[..., np.newaxis],
        np.repeat(pixels[..., np.newaxis], 3, axis=-1),
        pixels.astype(np.float64),
    ]
    answers = {trained.predict(form)[0] for form in forms}
    assert len(answers) == 1
    assert trained.predict([]) == []


def test_folders_are_read_in_the_order_of_their_names(trained, test_images, tmp_path):
    for number in (2, 10, 1):
        Image.fromarray(test_images[number]).save(tmp_path / f"{number:02}.png")
    expected = trained.predict(test_images[[1, 2, 10]])
    assert trained.predict(tmp_path) == trained.predict([str(tmp_path)]) == expected
    assert trained.predict([test_images[0], tmp_path])[1:] == expected


def test_several_gray_images_open_files_and_floating_point_pictures_are_read(trained, test_images):
    assert trained.predict(test_images[:5]) == trained.predict(list(test_images[:5]))
    alone = trained.predict(test_images[0])
    file = io.BytesIO()
    Image.fromarray(test_images[0]).save(file, "PNG")
    file.seek(0)
    assert trained.predict(file) == alone
    assert trained.predict(Image.fromarray(test_images[0].astype(np.float32))) == alone
    half = test_images[0] > 127
    assert trained.predict(half) == trained.predict(half * np.uint8(255))


def test_other_values_of_options_are_refused(trained, test_images):
    for top in (0, -1, 1.5):
        with pytest.raises(RunError, match=rf"top: expected an integer of 1 or more\. Found {top}"):
            trained.predict(test_images[0], top=top)
    with pytest.raises(RunError, match="Found 'maybe'"):
        trained.predict(test_images[0], invert="maybe")


def test_dark_digits_are_inverted_unless_invert_is_no(trained, test_images):
    light = trained.predict_probabilities(test_images[0])
    dark = 255 - test_images[0]
    np.testing.assert_array_equal(trained.predict_probabilities(dark), light)
    np.testing.assert_array_equal(trained.predict_probabilities(dark, invert="yes"), light)
    assert not np.array_equal(trained.predict_probabilities(dark, invert="no"), light)


def test_images_like_those_of_the_training_are_never_inverted(trained, test_images):
    told = trained.predict_probabilities(list(test_images), invert="no")
    np.testing.assert_array_equal(trained.predict_probabilities(list(test_images)), told)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((4, 4, 4)), r"Found an array of shape \(4, 4, 4\)"),
        (np.zeros((0, 4)), r"Found an array of shape \(0, 4\)"),
        (np.full((4, 4), 300), "values from 300 to 300"),
        (np.full((4, 4), np.nan), "values from nan to nan"),
        (np.full((4, 4), 0.5), "Found values up to 1: multiply them by 255"),
        (np.array([["a"]]), "array of numbers. Found <U1"),
        (np.full((4, 4), 1), "Found values up to 1: multiply them by 255"),
        ([7], "array of numbers. Found int"),
        ([None], "array of numbers. Found NoneType"),
        (None, "Expected an image or several: .* Found NoneType"),
        (Path("tests/strict"), "There is no picture in tests/strict"),
        (io.BytesIO(b"no image"), "is not a picture"),
        (Image.fromarray(np.full((4, 4), 300.0, np.float32)), "holds floating-point values"),
    ],
)
def test_what_is_not_an_image_is_an_error(trained, image, message):
    with pytest.raises(RunError, match=message):
        trained.predict(image)


def test_a_folder_of_runs_gives_its_newest_finished_run(digits_run):
    assert load_classifier(digits_run.parent).run == digits_run


def test_a_run_without_a_model_names_the_command_that_makes_one(copy):
    (copy / "model.keras").unlink()
    with pytest.raises(RunError, match=r"holds no model\.keras.*run\.py --config .*config\.json"):
        load_classifier(copy)


def test_a_run_of_a_newer_version_asks_for_an_upgrade(copy):
    path = copy / "environment.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps({**record, "framework": "99.1rc2"}))
    with pytest.raises(RunError, match=r"version 99\.1rc2, which is newer .*Install that version"):
        load_classifier(copy)


@pytest.mark.parametrize("name", ["environment.json", "metrics.json", "config.json", "model.keras"])
def test_a_damaged_run_is_an_error(copy, name):
    (copy / name).write_bytes((copy / name).read_bytes()[:20])
    with pytest.raises(RunError, match=name.replace(".", r"\.")):
        load_classifier(copy)


def test_a_run_with_incomplete_records_is_an_error(copy):
    (copy / "environment.json").write_text('{"framework": "0.1.0", "data": {}}')
    with pytest.raises(RunError, match="lack 'name'"):
        load_classifier(copy)
