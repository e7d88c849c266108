import csv
import io
import json
import os

import numpy as np
import pytest
from PIL import Image

from framework.cli.main import main
from framework.data.registry import load_digits
from framework.inference.predict_files import predict_files
from framework.inference.trained_classifier import BATCH_SIZE
from framework.inference.writers import write_csv


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Digits as image files of several formats, some of them dark on light."""
    directory = tmp_path_factory.mktemp("pictures")
    for place, pixels in enumerate(load_digits().test.images[:6]):
        image = Image.fromarray(pixels if place % 2 else 255 - pixels)
        ending = ["png", "bmp", "tiff"][place % 3]
        image.resize((80, 80), Image.Resampling.NEAREST).save(directory / f"{place}.{ending}")
    return directory


def predict(capsys, *arguments):
    code = main(["predict", *map(str, arguments)])
    return code, capsys.readouterr()


def test_which_of_several_runs_was_taken_is_said(digits_run, folder, capsys):
    code, said = predict(capsys, "--run", digits_run.parent, folder)
    assert code == 0
    assert said.err.splitlines()[0] == f"Run: {digits_run}"
    assert predict(capsys, "--run", digits_run, folder)[1].out == said.out


def test_text_has_a_line_for_each_image(digits_run, folder, trained, capsys):
    code, said = predict(capsys, "--run", digits_run, folder)
    assert code == 0
    files = sorted(folder.iterdir())
    lines = said.out.splitlines()
    for line, file, prediction in zip(lines, files, trained.predict(files), strict=True):
        share = f"{100 * prediction.confidence:.1f} %"
        assert line.startswith(f"{file}: {prediction.predicted}  {share}  (")


def test_json_has_the_predictions_of_the_python_interface(digits_run, folder, trained, capsys):
    code, said = predict(
        capsys, "--run", digits_run, folder / "1.bmp", "--format", "json", "--top", 2
    )
    (prediction,) = trained.predict(folder / "1.bmp", top=2)
    assert code == 0
    assert json.loads(said.out) == [
        {
            "image": str(folder / "1.bmp"),
            "predicted": prediction.predicted,
            "confidence": prediction.confidence,
            "known": True,
            "top": [{"class": name, "probability": share} for name, share in prediction.top],
        }
    ]


def test_csv_has_the_published_columns(digits_run, folder, trained, capsys):
    code, said = predict(capsys, "--run", digits_run, folder, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(said.out)))
    assert code == 0
    assert said.out.startswith(
        "image,predicted,confidence,class_2,confidence_2,class_3,confidence_3,known,error\n"
    )
    predicted = [one.predicted for one in trained.predict(sorted(folder.iterdir()))]
    assert [row["predicted"] for row in rows] == predicted


@pytest.mark.parametrize("form", ["text", "json", "csv"])
def test_a_broken_image_gets_an_error_and_the_others_are_predicted(
    digits_run, folder, tmp_path, capsys, form
):
    broken = tmp_path / "broken.png"
    broken.write_text("text")
    missing = tmp_path / "missing.png"
    pictures = (folder / "0.png", broken, missing, folder / "1.bmp")
    code, said = predict(capsys, "--run", digits_run, *pictures, "--format", form)
    assert code == 1
    assert f"{broken}: is not a picture. Expected PNG" in said.out
    assert f"{missing}: there is no such file." in said.out
    if form == "json":
        rows = json.loads(said.out)
        assert [row["image"] for row in rows] == list(map(str, pictures))
        assert ["error" in row for row in rows] == [False, True, True, False]
    elif form == "csv":
        rows = list(csv.DictReader(io.StringIO(said.out)))
        assert [row["image"] for row in rows] == list(map(str, pictures))
        assert [bool(row["error"]) for row in rows] == [False, True, True, False]
    else:
        assert len(said.out.splitlines()) == 4


@pytest.mark.parametrize("form", ["text", "json", "csv"])
def test_a_file_name_that_is_not_unicode_is_escaped(digits_run, folder, tmp_path, capsys, form):
    sound, broken = (tmp_path / os.fsdecode(name) for name in (b"1\xff.bmp", b"2\xff.png"))
    sound.write_bytes((folder / "1.bmp").read_bytes())
    broken.write_text("text")
    code, said = predict(capsys, "--run", digits_run, tmp_path, "--format", form)
    assert code == 1
    escaped = "\\\\xff" if form == "json" else "\\xff"
    assert f"1{escaped}.bmp" in said.out
    assert f"2{escaped}.png: is not a picture" in said.out


def test_several_batches_come_in_order(trained, folder, monkeypatch):
    monkeypatch.setattr("framework.inference.predict_files.BATCH_SIZE", 4)
    files = sorted(folder.iterdir()) * 3
    answers = list(predict_files(trained, files))
    assert [answer.image for answer in answers] == list(map(str, files))
    # The place in a batch may change a last digit, as it is computed in blocks.
    shares = [dict(answer.prediction.top) for answer in answers]
    assert shares[:6] == [pytest.approx(again, abs=1e-5) for again in shares[6:12]]
    assert shares[:6] == [pytest.approx(again, abs=1e-5) for again in shares[12:]]
    assert BATCH_SIZE > 4


def test_no_images_make_a_table_with_a_header_only():
    stream = io.StringIO()
    assert write_csv([], stream, 1) == 0
    assert stream.getvalue() == "image,predicted,confidence,known,error\n"


def test_an_empty_folder_is_an_error(digits_run, tmp_path, capsys):
    code, said = predict(capsys, "--run", digits_run, tmp_path)
    assert (code, said.err) == (1, f"There is no picture in {tmp_path}.\n")


def test_a_missing_run_is_an_error(folder, tmp_path, capsys):
    code, said = predict(capsys, "--run", tmp_path / "none", folder)
    assert code == 1
    assert "none" in said.err
    assert said.out == ""


@pytest.mark.parametrize("top", ["0", "-1", "two"])
def test_top_must_be_a_positive_integer(digits_run, folder, capsys, top):
    with pytest.raises(SystemExit) as ended:
        main(["predict", "--run", str(digits_run), str(folder), f"--top={top}"])
    assert ended.value.code == 2
    assert f"--top: expected a positive integer. Found '{top}'." in capsys.readouterr().err


def test_invert_is_passed_on(digits_run, folder, trained, capsys):
    file = folder / "0.png"
    assert np.asarray(Image.open(file))[0, 0] == 255
    _, said = predict(capsys, "--run", digits_run, file, "--invert", "no", "--format", "json")
    (expected,) = trained.predict(file, invert="no")
    assert json.loads(said.out)[0]["confidence"] == expected.confidence
