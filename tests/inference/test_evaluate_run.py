"""Evaluation of a finished run on other labeled images."""

import csv
import hashlib
import json
import shutil

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import accuracy_score, confusion_matrix, precision_recall_fscore_support

from framework.cli.main import main
from framework.data.images import Images
from framework.data.registry import load_digits
from framework.data.splits import Splits
from framework.runs.recorded_splits import SplitRecord
from tests.helpers.digits_run import SHAPE


@pytest.fixture
def folder(tmp_path):
    """200 digits of the test set as files, in a folder for each class."""
    return write_folder(tmp_path / "digits", load_digits().test, range(200))


def write_folder(folder, source, positions, names=None):
    for position in positions:
        name = str(source.labels[position]) if names is None else names[position]
        (folder / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(source.images[position]).save(folder / name / f"{position:04}.png")
    return folder


def evaluate(run, data, output, *options):
    return main(["evaluate", "--run", str(run), str(data), "--output", str(output), *options])


def read_metrics(output):
    return json.loads((output / "metrics.json").read_text())


def read_predictions(output):
    with (output / "predictions.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_metrics_are_those_of_scikit_learn(cautious_run, folder, tmp_path):
    output = tmp_path / "out"
    assert evaluate(cautious_run, folder, output) == 0
    metrics, rows = read_metrics(output), read_predictions(output)
    true, predicted = ([row[key] for row in rows] for key in ("true", "predicted"))
    names = [str(digit) for digit in range(10)]
    test = metrics["test"]
    assert len(rows) == 200
    assert test["accuracy"] == accuracy_score(true, predicted)
    assert test["confusion_matrix"] == confusion_matrix(true, predicted, labels=names).tolist()
    measured = precision_recall_fscore_support(true, predicted, labels=names, zero_division=0)
    for position, key in enumerate(("precision", "recall", "f1", "support")):
        found = [test["per_class"][name][key] for name in names]
        assert found == list(measured[position])
    unknown = [row["unknown"] == "true" for row in rows]
    assert metrics["unknown"]["images"] == sum(unknown)
    answered = ~np.array(unknown)
    right = np.array(true) == np.array(predicted)
    assert metrics["unknown"]["accuracy"] == right[answered].mean()
    low, high = test["accuracy_interval"]
    assert low < test["accuracy"] < high


def test_predictions_name_their_files_and_are_those_of_predict(cautious, folder, tmp_path):
    evaluate(cautious.run, folder, tmp_path / "out")
    rows = read_predictions(tmp_path / "out")
    found = cautious.predict([folder / row["file"] for row in rows], coverage=1)
    assert [row["predicted"] for row in rows] == [each.predicted for each in found]
    assert "digits" in (tmp_path / "out" / "report.html").read_text()


def test_nothing_in_the_run_directory_changes(cautious_run, folder, tmp_path):
    def fingerprint():
        return {
            path: (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
            for path in sorted(cautious_run.rglob("*"))
            if path.is_file()
        }

    before = fingerprint()
    assert evaluate(cautious_run, folder, tmp_path / "out") == 0
    assert fingerprint() == before


def test_images_that_the_model_was_trained_on_are_left_out(cautious_run, folder, tmp_path, capsys):
    dataset = load_digits()
    parts = np.split(np.arange(len(dataset.train.labels)), [1000])
    training, validation = (Images(dataset.train, part, SHAPE) for part in parts)
    test = Images(dataset.test, np.arange(200), SHAPE)
    run = shutil.copytree(cautious_run, tmp_path / "run")
    SplitRecord.of(Splits(training, validation, test)).write(run / "splits.npz")
    # As files, whose bytes are others than the pixels.
    for name, first in (("trained", 0), ("validated", 1000)):
        source = dataset.train.select(np.arange(first, first + 15))
        for position, (image, label) in enumerate(zip(source.images, source.labels, strict=True)):
            Image.fromarray(image).save(folder / str(label) / f"{name}{position}.png")
    assert evaluate(run, folder, tmp_path / "out") == 0
    said = "left out, since the model was trained or validated on them: 30 of 230 images"
    assert said in capsys.readouterr().out
    rows = read_predictions(tmp_path / "out")
    assert len(rows) == 200
    assert not any("trained" in row["file"] or "validated" in row["file"] for row in rows)
    assert said in (tmp_path / "out" / "report.html").read_text()


def test_missing_and_foreign_classes_are_told(cautious_run, folder, tmp_path, capsys):
    shutil.rmtree(folder / "7")
    (folder / "stripes").mkdir()
    stripes = np.tile(np.uint8([0, 255]), (8, 4))
    for number in range(3):
        Image.fromarray(np.roll(stripes, number, axis=1)).save(folder / "stripes" / f"{number}.png")
    assert evaluate(cautious_run, folder, tmp_path / "out") == 0
    said = capsys.readouterr().out
    assert "no image is of the classes '7'" in said
    assert "the model does not know the class 'stripes', whose 3 images" in said
    metrics = read_metrics(tmp_path / "out")
    assert metrics["foreign_classes"]["stripes"]["images"] == 3
    assert metrics["foreign_classes"]["stripes"]["unknown"] == 3
    assert not any(row["true"] == "stripes" for row in read_predictions(tmp_path / "out"))


def test_a_table_and_an_archive_and_a_name_are_evaluated(cautious_run, folder, tmp_path):
    test = load_digits().test
    table = tmp_path / "labels.csv"
    files = sorted(folder.rglob("*.png"))
    lines = [f"{path.relative_to(tmp_path)},{path.parent.name}" for path in files]
    table.write_text("\n".join(["path,label", *lines]))
    archive = tmp_path / "digits.npz"
    empty = np.zeros((2, 8, 8), np.uint8), np.arange(2)
    np.savez(
        archive, x_train=empty[0], y_train=empty[1], x_test=test.images[:200],
        y_test=test.labels[:200],
    )  # fmt: skip
    found = {}
    for data in (folder, table, archive, "digits"):
        output = tmp_path / f"out-{len(found)}"
        assert evaluate(cautious_run, data, output) == 0
        found[data] = read_metrics(output)["test"]
    assert found[folder]["accuracy"] == found[table]["accuracy"] == found[archive]["accuracy"]
    assert sum(row["support"] for row in found["digits"]["per_class"].values()) == 360


def test_one_class_is_enough(cautious_run, folder, tmp_path):
    for path in folder.iterdir():
        if path.name != "3":
            shutil.rmtree(path)
    assert evaluate(cautious_run, folder, tmp_path / "out") == 0
    assert {row["true"] for row in read_predictions(tmp_path / "out")} == {"3"}


def test_everything_may_be_known(cautious_run, folder, tmp_path):
    assert evaluate(cautious_run, folder, tmp_path / "out", "--coverage", "1") == 0
    found = read_metrics(tmp_path / "out")["unknown"]
    assert (found["images"], found["coverage"], found["threshold"]) == (0, 1, None)


def test_it_is_said_how_images_were_read(cautious_run, folder, tmp_path, capsys):
    for path in list((folder / "3").iterdir())[:2]:
        with Image.open(path) as image:
            Image.eval(image, lambda value: 255 - value).save(path)
    Image.new("L", (300, 200), 255).save(folder / "3" / "empty.png")
    assert evaluate(cautious_run, folder, tmp_path / "out") == 0
    said = capsys.readouterr().out
    assert "Inverted 2 images, because the training images are light on dark." in said
    assert "1 image without exactly one character: read as a whole" in said


def test_a_name_that_is_nothing_is_an_error(cautious_run, tmp_path, capsys):
    assert evaluate(cautious_run, "digitz", tmp_path / "out") == 2
    assert capsys.readouterr().err == (
        "there is no folder, table or data set 'digitz'. Expected a folder with a folder for each "
        "class, a table of files and labels, or the name of a data set. Did you mean 'digits'?\n"
    )


def test_images_of_foreign_classes_alone_leave_nothing_behind(cautious_run, tmp_path, capsys):
    names = ["cat", "dog"] * 5
    folder = write_folder(tmp_path / "pets", load_digits().test, range(10), names)
    assert evaluate(cautious_run, folder, tmp_path / "out") == 1
    assert "no image is of a class that the model knows" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_an_output_that_is_not_empty_is_refused(cautious_run, folder, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("mine")
    assert evaluate(cautious_run, folder, tmp_path / "out") == 2
    assert (tmp_path / "out" / "notes.txt").read_text() == "mine"
