"""Images that are inverted, or not, by what the training images look like."""

import io
import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from PIL import Image

from framework.cli.main import main
from framework.config.model import DatasetConfig
from framework.data.appearance import Appearance, Framing, measure_appearance
from framework.data.registry import load_digits, read_dataset
from framework.inference.picture_reader import PictureReader, ReadOptions
from framework.inference.run_summary import read_summary
from framework.inference.trained_classifier import load_classifier
from framework.inference.trained_network import Outputs
from tests.helpers.digits_run import build_network, write_run
from tests.helpers.drawings import read_drawing


def draw_photographs(count, channels):
    """Draw smooth images whose brightness differs, as that of photographs does."""
    random = np.random.default_rng(0)
    coarse = random.integers(0, 256, (count, 3, 3, channels), np.uint8)
    images = [Image.fromarray(each.squeeze()).resize((16, 16)) for each in coarse]
    return np.stack([np.asarray(image) for image in images])


def write_folder(path, images, labels):
    for index, (image, label) in enumerate(zip(images, labels, strict=True)):
        (path / str(label)).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path / str(label) / f"{index}.png")
    return path


def write_table(path, images, labels):
    write_folder(path, images, labels)
    rows = [f"{file.relative_to(path)},{file.parent.name}" for file in path.rglob("*.png")]
    (path / "train.csv").write_text("\n".join(["path,label", *rows]))
    return path / "train.csv"


def write_archive(path, images, labels):
    np.savez(path, x_train=images, y_train=labels, x_test=images, y_test=labels)
    return path


DIGITS = load_digits().train.images[:200]
LABELS = np.arange(200) % 2
LIGHT, DARK = np.full((16, 16), 250, np.uint8), np.full((16, 16), 5, np.uint8)


@pytest.mark.parametrize(
    ("name", "write", "images", "image", "inverted"),
    [
        ("csv", write_table, draw_photographs(200, 3), LIGHT, False),
        ("csv", write_table, draw_photographs(200, 1), LIGHT, False),
        ("folder", write_folder, DIGITS, LIGHT, True),
        ("folder", write_folder, DIGITS, DARK, False),
        ("folder", write_folder, DIGITS, np.stack([LIGHT, LIGHT, DARK], axis=-1), False),
        ("npz", write_archive, 255 - DIGITS, DARK, True),
        ("npz", write_archive, 255 - DIGITS, LIGHT, False),
        ("npz", write_archive, draw_photographs(200, 1), LIGHT, False),
        ("npz", write_archive, draw_photographs(200, 1), DARK, False),
        ("npz", write_archive, draw_photographs(200, 1) // 3, LIGHT, False),
    ],
)
def test_images_are_inverted_if_the_training_images_are_the_other_way_round(
    tmp_path, capsys, name, write, images, image, inverted
):
    path = write(tmp_path / f"data{'.npz' if name == 'npz' else ''}", images, LABELS)
    dataset = read_dataset(DatasetConfig(name, str(path)))
    run = write_run(tmp_path / "run", build_network(classes=2), ("0", "1"), data_name=name)
    record_appearance(run, measure_appearance(dataset.train))
    trained = load_classifier(run)
    opposite = trained.predict_probabilities(image, invert="yes")
    wanted = opposite if inverted else trained.predict_probabilities(image, invert="no")
    np.testing.assert_array_equal(trained.predict_probabilities(image), wanted)

    Image.fromarray(image).save(tmp_path / "image.png")
    for options, said in ((["--frame", "no"], int(inverted)), (["--invert", "no"], 0)):
        capsys.readouterr()
        assert main(["predict", "--run", str(run), str(tmp_path / "image.png"), *options]) == 0
        assert capsys.readouterr().err.count("Inverted 1 image, because") == said


def record_appearance(run, appearance):
    file = run / "environment.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "appearance": asdict(appearance)}))


def test_the_framing_of_digits_is_measured():
    framing = Framing(side=8, box=8, center="box")
    assert measure_appearance(load_digits().train) == Appearance(True, "light on dark", framing)


def test_a_character_in_the_middle_of_its_mass_is_measured_as_such():
    random = np.random.default_rng(0)
    images = np.zeros((50, 28, 28), np.uint8)
    for image in images:
        # An L, whose foot is as long as its stem: far more mass on one side.
        flipped = random.integers(0, 2, 2, bool)
        character = np.zeros((20, 20), np.uint8)
        character[:, :3] = character[-3:] = 255
        character = np.flip(character, np.flatnonzero(flipped))
        mass = np.argwhere(character).mean(axis=0)
        top, left = np.clip(np.rint(14 - mass).astype(int), 0, 8)
        image[top : top + 20, left : left + 20] = character
    source = replace(load_digits().train, images=images, labels=np.zeros(50, np.int64))
    assert measure_appearance(source).framing == Framing(side=28, box=20, center="mass")


@pytest.mark.parametrize(
    ("polarity", "invert", "dark_on_light"),
    [
        ("light on dark", "auto", False),
        ("dark on light", "auto", True),
        ("light on dark", "no", True),
        ("dark on light", "yes", False),
    ],
)
def test_characters_of_a_drawing_have_the_polarity_of_the_training(
    trained, monkeypatch, polarity, invert, dark_on_light
):
    appearance = replace(trained.appearance, polarity=polarity)
    drawing = np.full((60, 60), 255, np.uint8)
    drawing[10:50, 28:34] = 0
    seen = []

    def note(self, prepared):
        seen.extend(prepared)
        shares = np.full((len(prepared), 10), 0.1, np.float32)
        return Outputs(shares, np.zeros(len(prepared), np.float32))

    monkeypatch.setattr(type(trained), "compute", note)
    reader = PictureReader(replace(trained, appearance=appearance), ReadOptions(invert))
    read_drawing(reader, encode(drawing))
    (character,) = seen
    assert (np.median(character[:, 0]) > 127) == dark_on_light


def encode(pixels):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


@pytest.mark.usefixtures("no_figures")
def test_a_run_records_what_its_model_was_trained_on_and_an_evaluation_keeps_it(tmp_path):
    digits = write_folder(tmp_path / "digits", DIGITS, LABELS)
    scans = write_folder(tmp_path / "scans", 255 - DIGITS, LABELS)
    top = {
        "flat": {"layer_type": "Flatten"},
        "answer": {
            "layer_type": "Dense",
            "initializing_parameters": {"units": 2, "activation": "softmax"},
        },
    }
    values = {
        "training_config": {"epochs": 1},
        "data_config": {"dataset": {"name": "folder", "path": str(digits)}},
        "model_configuration": {"model_name": "none", "weights": None, "model_top_config": top},
    }
    config = tmp_path / "config.json"
    config.write_text(json.dumps(values))
    run, evaluation = tmp_path / "run", tmp_path / "evaluation"
    assert main(["--config", str(config), "--output", str(run)]) == 0
    overrides = (
        "training_config.enable_training=false",
        f"model_configuration.saved_model={run}",
        f"data_config.dataset.path={scans}",
    )
    options = [word for each in overrides for word in ("--set", each)]
    assert main(["--config", str(config), "--output", str(evaluation), *options]) == 0
    for directory in (run, evaluation):
        assert read_summary(directory).appearance == Appearance(
            True, "light on dark", Framing(side=8, box=8, center="box")
        )
