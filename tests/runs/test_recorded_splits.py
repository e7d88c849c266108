"""A model is never scored on images that it was trained on, unless the user is told."""

import hashlib
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from framework.cli.main import main
from framework.data.sources import folder_layout
from tests.helpers.program import read_json

pytestmark = pytest.mark.usefixtures("no_figures")


@pytest.fixture
def photos(tmp_path):
    """A folder of two classes of 40 pictures each, without a test folder."""
    random = np.random.default_rng(0)
    for label, name in enumerate(("dark", "light")):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(40):
            pixels = random.integers(0, 128, (6, 6), dtype=np.uint8) + np.uint8(128 * label)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{number}.png")
    return tmp_path / "photos"


@pytest.fixture
def config(tmp_path, photos):
    values = {
        "training_config": {"epochs": 2},
        "data_config": {"dataset": {"name": "folder", "path": str(photos)}},
        "model_configuration": {
            "model_name": "none",
            "weights": None,
            "model_top_config": {
                "flat": {"layer_type": "Flatten"},
                "answer": {
                    "layer_type": "Dense",
                    "initializing_parameters": {"units": 2, "activation": "softmax"},
                },
            },
        },
    }
    path = tmp_path / "config.json"
    path.write_text(json.dumps(values))
    return path


@pytest.fixture
def trained(config, tmp_path):
    """The directory of a run on 57 of the pictures, with 7 to validate and 16 to test on."""
    assert main(["--config", str(config), "--output", str(tmp_path / "run")]) == 0
    return tmp_path / "run"


def test_a_model_whose_classes_are_in_the_order_of_older_versions_is_evaluated(
    config, photos, tmp_path, monkeypatch, capsys
):
    for split, numbers in (("train", range(30)), ("test", range(30, 40))):
        for name, old in (("9", "dark"), ("10", "light")):
            (photos / split / name).mkdir(parents=True)
            for number in numbers:
                (photos / old / f"{number}.png").rename(photos / split / name / f"{number}.png")
    with monkeypatch.context() as older:
        older.setattr(folder_layout, "natural_key", lambda text: [text])
        assert main(["--config", str(config), "--output", str(tmp_path / "run")]) == 0
    (tmp_path / "run" / "splits.npz").unlink()
    assert read_json(tmp_path / "run" / "environment.json")["class_names"] == ["10", "9"]
    capsys.readouterr()

    assert evaluate(config, tmp_path / "run", tmp_path / "out") == 0

    assert "not known" not in capsys.readouterr().out
    before, after = (read_json(tmp_path / name / "metrics.json") for name in ("run", "out"))
    assert after["test"] == before["test"]
    assert after["validation"] == before["validation"]


def evaluate(config, model, output, *overrides):
    options = [
        "training_config.enable_training=false",
        f"model_configuration.saved_model={model}",
        *overrides,
    ]
    words = [word for option in options for word in ("--set", option)]
    return main(["--config", str(config), "--output", str(output), *words])


def read_sizes(run):
    """Returns how many images validate and test."""
    metrics = read_json(run / "metrics.json")
    return tuple(
        sum(row["support"] for row in metrics[split]["per_class"].values())
        for split in ("validation", "test")
    )


def test_the_same_split_is_evaluated_whole(config, trained, tmp_path):
    assert evaluate(config, trained, tmp_path / "evaluated") == 0
    first, second = (read_json(run / "metrics.json") for run in (trained, tmp_path / "evaluated"))
    assert first["test"] == second["test"]
    assert read_json(tmp_path / "evaluated/environment.json")["notes"] == []


def remove_some(photos):
    for number in range(0, 40, 7):
        (photos / "dark" / f"{number}.png").unlink()


DIVIDED = "training and validation images are divided as in the run of the model"
LEFT_OUT = "left out, since the model was trained or validated on them: {} test images"


@pytest.mark.parametrize(
    ("overrides", "change", "said", "sizes"),
    [
        (["training_config.seed=1"], None, [DIVIDED], (7, 16)),
        (["data_config.validation_fraction=0.5"], None, [DIVIDED], (7, 16)),
        (
            ["data_config.dataset.test_fraction=0.5"],
            None,
            [DIVIDED, LEFT_OUT.format("24 of 40")],
            (3, 16),
        ),
        ([], remove_some, [DIVIDED, LEFT_OUT.format("10 of 15")], (8, 5)),
    ],
    ids=["seed", "validation_fraction", "test_fraction", "files"],
)
def test_images_that_the_model_knows_are_left_out(
    config, photos, trained, overrides, change, said, sizes, tmp_path, capsys
):
    if change:
        change(photos)
    capsys.readouterr()
    assert evaluate(config, trained, tmp_path / "evaluated", *overrides) == 0
    notes = read_json(tmp_path / "evaluated/environment.json")["notes"]
    assert notes == said
    out = capsys.readouterr().out
    assert all(f"! {note}" in out for note in notes)
    assert read_sizes(tmp_path / "evaluated") == sizes


def test_the_split_of_a_run_without_a_record_is_drawn_again(config, trained, tmp_path):
    (trained / "splits.npz").unlink()
    assert evaluate(config, trained, tmp_path / "evaluated", "training_config.seed=1") == 0
    assert read_json(tmp_path / "evaluated/environment.json")["notes"] == [DIVIDED]
    assert (tmp_path / "evaluated/splits.npz").exists()


def test_a_model_whose_images_are_not_known_is_measured_with_a_warning(
    config, photos, trained, tmp_path, capsys
):
    bare = tmp_path / "bare.keras"
    shutil.copy(trained / "model.keras", bare)
    assert evaluate(config, bare, tmp_path / "first") == 0
    assert f"! it is not known which images {bare} was trained on" in capsys.readouterr().out
    (trained / "splits.npz").unlink()
    remove_some(photos)
    assert evaluate(config, trained, tmp_path / "second") == 0
    (note,) = read_json(tmp_path / "second/environment.json")["notes"]
    assert "it is not known which images" in note


def test_an_evaluated_model_is_still_known(config, trained, tmp_path):
    assert evaluate(config, trained, tmp_path / "first") == 0
    assert evaluate(config, tmp_path / "first", tmp_path / "second", "training_config.seed=1") == 0
    assert read_json(tmp_path / "second/environment.json")["notes"] == [DIVIDED]


def test_an_evaluation_without_any_new_image_is_refused(config, photos, trained, tmp_path, capsys):
    known = np.load(trained / "splits.npz")["training"]
    for file in photos.glob("*/*.png"):
        if hashlib.sha256(file.read_bytes()).hexdigest()[:16].encode() in known:
            copy = tmp_path / "known/test" / file.relative_to(photos)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, copy)
    shutil.copytree(photos, tmp_path / "known/train")
    path = f"data_config.dataset.path={tmp_path / 'known'}"
    assert evaluate(config, trained, tmp_path / "evaluated", path) == 1
    assert "test images none is left to measure it on" in capsys.readouterr().err
    assert not (tmp_path / "evaluated").exists()


def test_a_damaged_record_is_refused(config, trained, tmp_path, capsys):
    content = (trained / "splits.npz").read_bytes()
    (trained / "splits.npz").write_bytes(content[: len(content) // 2])
    assert evaluate(config, trained, tmp_path / "evaluated") == 1
    assert f"{trained / 'splits.npz'} can't be read" in capsys.readouterr().err


def test_a_run_whose_images_have_changed_is_not_resumed(photos, trained, capsys):
    (trained / "UNFINISHED").touch()
    remove_some(photos)
    assert main(["--resume", str(trained)]) == 1
    assert "the images have changed since the run began (training: 57 before, " in (
        capsys.readouterr().err
    )
