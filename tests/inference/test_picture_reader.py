"""Pictures are read the same by every command and from Python, and may be unknown."""

import json

import numpy as np
import pytest
from PIL import Image, ImageDraw

from framework.cli.main import main
from framework.data.registry import load_digits
from framework.errors import RunError
from framework.inference.picture_reader import EMPTY, PictureReader, ReadOptions
from framework.inference.trained_classifier import load_classifier
from framework.utils import optional_dependencies
from tests.helpers.digits_run import build_network, write_run
from tests.helpers.drawings import read_drawing


def draw_page(lines):
    """Return digits of the test set, dark on light, line by line, and their classes."""
    test = load_digits().test
    page = Image.new("L", (250 * max(lines), 300 * len(lines)), 255)
    text, taken = [], 0
    for row, count in enumerate(lines):
        for column in range(count):
            digit = Image.fromarray(255 - test.images[taken + column])
            large = digit.resize((200, 200), Image.Resampling.BICUBIC)
            page.paste(large, (250 * column + 20, 300 * row + 50))
        text.append("".join(map(str, test.labels[taken : taken + count])))
        taken += count
    return page, " ".join(text)


@pytest.fixture
def page(tmp_path):
    image, text = draw_page([4, 2])
    path = tmp_path / "page.png"
    image.save(path)
    return path, text


def test_lines_are_read_in_order_by_python_predict_and_draw(trained, digits_run, page, capsys):
    path, text = page
    (prediction,) = trained.predict(path, coverage=1)
    assert prediction.predicted == text
    assert [each.row for each in prediction.characters] == [0] * 4 + [1] * 2
    confidences = [each.prediction.confidence for each in prediction.characters]
    assert prediction.confidence == pytest.approx(np.prod(confidences))

    options = ["--run", str(digits_run), str(path), "--coverage", "1"]
    assert main(["predict", *options, "--format", "json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["predicted"] == text
    assert "".join(each["predicted"] for each in row["characters"]) == text.replace(" ", "")
    assert main(["predict", *options]) == 0
    assert f": {text}  " in capsys.readouterr().out

    answer = read_drawing(PictureReader(trained, ReadOptions(coverage=1)), path.read_bytes())
    assert answer["text"] == text
    assert [crop["row"] for crop in answer["crops"]] == [0] * 4 + [1] * 2


def test_a_digit_of_the_training_images_size_keeps_its_pixels(trained):
    image = load_digits().test.images[0]
    shares = trained.predict_probabilities(image, frame="no")
    np.testing.assert_array_equal(trained.predict_probabilities(image), shares)


def test_a_page_is_not_framed_if_that_is_not_wanted(trained, page):
    image = Image.open(page[0])
    whole = trained.compute([trained.resize(image)]).probabilities
    unframed = trained.predict_probabilities(image, frame="no", invert="no")
    np.testing.assert_array_equal(unframed, whole)
    # Six characters have no probabilities of one class.
    np.testing.assert_array_equal(trained.predict_probabilities(image, invert="no"), whole)


def test_an_empty_page_is_unknown(trained, digits_run, tmp_path, capsys):
    path = tmp_path / "empty.png"
    Image.new("L", (300, 200), 250).save(path)
    (prediction,) = trained.predict(path)
    assert (prediction.predicted, prediction.known, prediction.note) == ("unknown", False, EMPTY)
    assert main(["predict", "--run", str(digits_run), str(path)]) == 0
    assert capsys.readouterr().out == f"{path}: unknown  (there is nothing to read)\n"


def draw_unlike_digits():
    """Return rows of stripes and checks as large as digits."""
    y, x = np.mgrid[:8, :8]
    patterns = [(x + y) % 2, x % 2, y % 2, (x // 2 + y // 2) % 2]
    return [np.uint8(255 * pattern) for pattern in patterns]


def test_what_is_unlike_the_training_images_is_unknown(cautious, cautious_run, tmp_path, capsys):
    unlike = draw_unlike_digits()
    predictions = cautious.predict(unlike)
    assert [each.predicted for each in predictions] == ["unknown"] * len(unlike)
    assert not any(each.known for each in predictions)
    everything = cautious.predict(unlike, coverage=1)
    assert all(each.known and each.predicted.isdigit() for each in everything)
    assert [each.top for each in everything] == [each.top for each in predictions]

    path = tmp_path / "checks.png"
    Image.fromarray(unlike[0]).save(path)
    capsys.readouterr()
    assert main(["predict", "--run", str(cautious_run), str(path)]) == 0
    likely, share = predictions[0].top[0]
    said = f"{path}: unknown  (looks most like {likely} {100 * share:.1f} %, "
    assert capsys.readouterr().out.startswith(said)


def test_a_page_of_what_is_mostly_unknown_is_unknown(cautious):
    page = Image.new("L", (900, 300), 255)
    for left in (50, 350, 650):
        ImageDraw.Draw(page).rectangle((left, 50, left + 200, 250), fill=0)
    (prediction,) = cautious.predict(page)
    assert (prediction.predicted, prediction.known) == ("unknown", False)
    assert prediction.note == "3 of 3 characters are unknown"
    assert len(prediction.characters) == 3


@pytest.mark.parametrize(("coverage", "least"), [(0.99, 0.98), (0.9, 0.89), (1, 1)])
def test_the_coverage_is_the_share_of_digits_that_are_known(cautious, coverage, least):
    predictions = cautious.predict(load_digits().test.images, coverage=coverage)
    known = np.mean([each.known for each in predictions])
    assert least <= known <= coverage + 0.01


def test_an_unknown_character_among_others_is_a_question_mark(cautious):
    image, _ = draw_page([3])
    wide = Image.new("L", (image.width + 260, 300), 255)
    wide.paste(image, (0, 0))
    ImageDraw.Draw(wide).rectangle((image.width + 20, 50, image.width + 220, 250), fill=0)
    (prediction,) = cautious.predict(wide)
    assert prediction.characters[-1].prediction.predicted == "unknown"
    assert prediction.predicted.endswith("?")
    assert not prediction.known


def test_a_run_that_measured_nothing_knows_everything(tmp_path):
    run = write_run(tmp_path / "run", build_network(), tuple("0123456789"))
    trained = load_classifier(run)
    assert all(each.known for each in trained.predict(draw_unlike_digits()))


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"frame": "maybe"}, "frame: expected 'auto', 'yes' or 'no'. Found 'maybe'."),
        ({"coverage": 0}, "coverage: expected more than 0, at most 1. Found 0."),
        ({"coverage": 1.5}, "coverage: expected more than 0, at most 1. Found 1.5."),
    ],
)
def test_a_wrong_option_is_an_error(trained, option, message):
    with pytest.raises(RunError) as raised:
        trained.predict(draw_unlike_digits(), **option)
    assert str(raised.value) == message


def test_framing_makes_no_sense_without_framed_training_images(tmp_path):
    run = write_run(tmp_path / "run", build_network(), ("a", "b"), data_name="folder")
    with pytest.raises(RunError, match="frame: the training images are no characters"):
        load_classifier(run).predict(draw_unlike_digits(), frame="yes")


@pytest.mark.parametrize("share", ["0", "1.1", "most"])
def test_a_coverage_is_a_share(digits_run, capsys, share):
    with pytest.raises(SystemExit) as ended:
        main(["predict", "--run", str(digits_run), "x.png", "--coverage", share])
    assert ended.value.code == 2
    assert f"expected more than 0, at most 1. Found '{share}'." in capsys.readouterr().err


def test_a_page_needs_an_extra_and_says_which(digits_run, page, capsys, monkeypatch):
    monkeypatch.setattr(optional_dependencies, "find_spec", lambda name: None)
    command = ["predict", "--run", str(digits_run), str(page[0])]
    assert main(command) == 1
    assert capsys.readouterr().out == (
        "Reading a page (--frame no: the picture as a whole) needs opencv-python-headless. "
        "Install with: pip install --editable '.[reading]'\n"
    )
    assert main([*command, "--frame", "no"]) == 0
