"""Whole runs on a user's own images: class folders fine-tuned, tables answered."""

import html
import json
import re

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from framework.cli.main import main
from tests.helpers.program import read_json, read_rows


@pytest.fixture(scope="module")
def digits():
    return load_digits().images.astype(np.uint8) * 15, load_digits().target


def make_top():
    answer = {"units": "classes", "activation": "softmax"}
    return {
        "flatten": {"layer_type": "Flatten"},
        "answer": {"layer_type": "Dense", "initializing_parameters": answer},
    }


def train(directory, training, data, model):
    config = {"training_config": training, "data_config": data, "model_configuration": model}
    (directory / "config.json").write_text(json.dumps(config))
    code = main(["--config", str(directory / "config.json"), "--output", str(directory / "run")])
    assert code == 0
    return directory / "run"


def test_class_folders_train_frozen_and_then_fine_tuned(tmp_path, digits, capsys):
    images, labels = digits
    for split, first, last in (("train", 0, 120), ("test", 120, 160)):
        for index in np.flatnonzero(labels[first:last] < 3) + first:
            folder = tmp_path / "photos" / split / f"<b>{labels[index]} ☃"
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(images[index]).save(folder / f"{index}.png")
    (folder.parents[1] / "train" / folder.name / "broken.jpg").write_bytes(b"\xff\xd8\xff")

    run = train(
        tmp_path,
        {
            "epochs": 2,
            "fine_tuning": {"unfreeze_from": "conv_pw_13", "epochs": 1, "learning_rate": 1e-4},
        },
        {"dataset": {"name": "folder", "path": str(tmp_path / "photos")}},
        {
            "model_name": "MobileNet",
            "model_arguments": {"alpha": 0.25},
            "weights": None,
            "model_top_config": make_top(),
        },
    )

    assert "unreadable picture, skipped: 1 (" in capsys.readouterr().out
    assert [row["phase"] for row in read_rows(run / "history.csv")] == ["top", "top", "fine_tuning"]
    environment = read_json(run / "environment.json")
    assert environment["subject"] == "MobileNet (random weights) on photos"
    main(["cache", "list"])
    assert re.search(r"  photos +\d+ +0  MobileNet  ", capsys.readouterr().out)
    assert environment["class_names"] == [f"<b>{digit} ☃" for digit in range(3)]
    assert "broken.jpg" in environment["data"]["remarks"][0]
    assert set(read_json(run / "metrics.json")["test"]["per_class"]) == set(
        environment["class_names"]
    )
    rows = read_rows(run / "predictions_test.csv")
    assert all(row["file"].startswith(f"test/{row['true']}/") for row in rows)
    wrong = [row for row in rows if row["true"] != row["predicted"]]
    worst = max(wrong, key=lambda row: float(row["confidence"]))
    assert html.escape(worst["file"]) in (run / "report.html").read_text()


@pytest.mark.usefixtures("no_figures")
def test_a_submission_scores_what_the_metrics_say(tmp_path, digits):
    images, labels = digits
    header = ["label", *(f"pixel{n}" for n in range(64))]
    for name, rows in (("train", slice(0, 400)), ("test", slice(400, 500))):
        table = np.column_stack([labels[rows], images[rows].reshape(-1, 64)])
        lines = [header, *table.tolist()]
        text = "\n".join(",".join(map(str, line)) for line in lines)
        (tmp_path / f"{name}.csv").write_text(text + "\n")

    run = train(
        tmp_path,
        {"epochs": 3},
        {
            "dataset": {"name": "csv", "path": str(tmp_path)},
            "image_shape": {"image_rows": 8, "image_columns": 8, "channel_numbers": 1},
        },
        {"model_name": "none", "model_top_config": make_top()},
    )

    rows = read_rows(run / "submission.csv")
    assert [row["ImageId"] for row in rows] == [str(number) for number in range(1, 101)]
    right = np.mean([int(row["Label"]) for row in rows] == labels[400:500])
    accuracy = read_json(run / "metrics.json")["test"]["accuracy"]
    assert right == pytest.approx(accuracy)


@pytest.mark.usefixtures("no_figures")
def test_unlabeled_files_are_answered_by_their_names(tmp_path, digits):
    images, labels = digits
    (tmp_path / "test").mkdir()
    for number in range(40):
        Image.fromarray(images[number]).save(tmp_path / "test" / f"{number:03}.png")
    for number in range(40, 440):
        folder = tmp_path / "train" / str(labels[number])
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(images[number]).save(folder / f"{number}.png")

    run = train(
        tmp_path,
        {"epochs": 10, "optimizer": {"name": "Adam", "learning_rate": 0.01}},
        {
            "dataset": {"name": "folder", "path": str(tmp_path)},
            "image_shape": {"image_rows": 8, "image_columns": 8, "channel_numbers": 1},
        },
        {"model_name": "none", "model_top_config": make_top()},
    )

    rows = read_rows(run / "submission.csv")
    assert [row["image"] for row in rows] == [f"{number:03}.png" for number in range(40)]
    assert np.mean([int(row["label"]) for row in rows] == labels[:40]) > 0.5
    files = [row["file"] for row in read_rows(run / "predictions_test.csv")]
    assert len(files) == 80
    assert all((tmp_path / file).is_file() and file.startswith("train/") for file in files)
