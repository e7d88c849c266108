"""The whole program, driven as a user does, read as a user does."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import confusion_matrix

from framework.cli.main import main
from framework.config import load_config
from framework.data.registry import load_digits
from framework.models.builder import load_or_build_classifier
from tests.helpers.program import ROOT, SMALL, TIMEOUT_SECONDS, VGG16_CONFIG, read_json, read_rows

pytestmark = pytest.mark.long

PICTURES = (
    "confusion_matrix_training.png",
    "confusion_matrix_validation.png",
    "confusion_matrix_test.png",
    "training_loss.png",
    "training_accuracy.png",
    "validation_loss.png",
    "validation_accuracy.png",
    "loss.png",
    "accuracy.png",
)


def without_times(path):
    return [{k: v for k, v in row.items() if k != "seconds"} for row in read_rows(path)]


def test_the_run_directory_is_complete(vgg16_run):
    for name in PICTURES:
        with Image.open(vgg16_run / name) as picture:
            assert min(picture.size) > 300
    assert not (vgg16_run / "UNFINISHED").exists()
    assert not list(vgg16_run.glob(".*")), "a temporary file was left behind"


def test_the_console_says_what_stands_in_and_where_the_results_are(vgg16_run):
    console = (vgg16_run / "console.txt").read_text()
    assert "Using digits dataset instead of mnist" in console
    assert "Using random weights instead of imagenet" in console
    assert "Test accuracy" in console
    assert str(vgg16_run) in console
    assert "Traceback" not in console
    log = (vgg16_run / "run.log").read_text()
    assert "Using digits dataset instead of mnist" in log


def test_the_published_top_has_the_published_parameters(vgg16_run):
    assert read_json(vgg16_run / "metrics.json")["parameters"] == {
        "total": 15_237_698,
        "trainable": 523_010,
        "non_trainable": 14_714_688,
    }


def test_environment_names_what_was_really_used(vgg16_run):
    environment = read_json(vgg16_run / "environment.json")
    replaced = {(s["wanted"], s["used"]) for s in environment["substitutions"]}
    assert replaced == {("mnist", "digits"), ("imagenet", "random")}
    assert environment["class_names"] == list("0123456789")
    assert environment["seed"] == 0


def test_the_run_is_known_by_name_start_command_and_config(vgg16_run):
    run = read_json(vgg16_run / "environment.json")["run"]
    assert run["name"] == f"{vgg16_run.parent.name}/{vgg16_run.name}"
    assert run["config"] == str(VGG16_CONFIG)
    assert run["command"].startswith(f"python run.py --config {VGG16_CONFIG} --set ")
    ago = datetime.now(UTC) - datetime.fromisoformat(run["started"])
    assert timedelta() < ago < timedelta(hours=2)
    page = (vgg16_run / "report.html").read_text(encoding="utf-8")
    assert f"<dt>Config file</dt><dd>{VGG16_CONFIG}</dd>" in page


def test_the_metrics_are_those_of_the_predictions_table(vgg16_run):
    test = read_json(vgg16_run / "metrics.json")["test"]
    rows = read_rows(vgg16_run / "predictions_test.csv")
    true = [int(row["true"]) for row in rows]
    predicted = [int(row["predicted"]) for row in rows]
    assert test["confusion_matrix"] == confusion_matrix(true, predicted).tolist()
    assert test["accuracy"] == pytest.approx(np.mean(np.equal(true, predicted)))
    labels = load_digits().test.labels
    assert [labels[int(row["index"])] for row in rows] == true


def test_every_image_is_scored_once(vgg16_run):
    metrics = read_json(vgg16_run / "metrics.json")
    counts = {
        name: np.sum(metrics[name]["confusion_matrix"])
        for name in ("training", "validation", "test")
    }
    assert counts == {"training": 180, "validation": 20, "test": 100}


def test_history_has_a_line_for_each_epoch(vgg16_run):
    rows = read_rows(vgg16_run / "history.csv")
    assert list(rows[0]) == [
        "epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "seconds",
    ]  # fmt: skip
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]


def test_plain_keras_opens_the_model_and_gives_the_same_answers(vgg16_run):
    model = keras.models.load_model(vgg16_run / "model.keras")
    digits = load_digits()
    rows = read_rows(vgg16_run / "predictions_test.csv")[:20]
    images = [
        np.asarray(Image.fromarray(digits.test.images[int(row["index"])]).resize((32, 32), 2))
        for row in rows
    ]
    batch = np.repeat(np.stack(images)[..., None], 3, axis=-1).astype("float32")
    probabilities = model.predict(batch, verbose=0)
    assert probabilities.argmax(axis=1).tolist() == [int(row["predicted"]) for row in rows]
    np.testing.assert_allclose(
        probabilities.max(axis=1), [float(row["confidence"]) for row in rows], atol=1e-5
    )


def test_training_leaves_the_frozen_backbone_as_it_was(vgg16_run):
    config = load_config(vgg16_run / "config.json")
    untrained, _ = load_or_build_classifier(config, tuple("0123456789"))
    trained = keras.models.load_model(vgg16_run / "model.keras")
    for name in untrained.backbone_layers:
        before = untrained.model.get_layer(name).get_weights()
        after = trained.get_layer(name).get_weights()
        assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    assert not np.array_equal(
        untrained.model.get_layer("dense_2").get_weights()[0],
        trained.get_layer("dense_2").get_weights()[0],
    )


def test_the_resolved_config_repeats_the_run_bit_for_bit(vgg16_run, forker, tmp_path):
    again = tmp_path / "again"
    repeated = forker.start("--config", vgg16_run / "config.json", "--output", again)
    assert repeated.wait(TIMEOUT_SECONDS) == 0, repeated.output
    assert without_times(again / "history.csv") == without_times(vgg16_run / "history.csv")
    first, second = (read_json(run / "metrics.json") for run in (vgg16_run, again))
    del first["timing"], second["timing"]
    assert first == second
    assert (again / "config.json").read_bytes() == (vgg16_run / "config.json").read_bytes()


@pytest.mark.usefixtures("no_figures")
def test_a_trained_model_is_evaluated_without_training(vgg16_run, tmp_path):
    output = tmp_path / "evaluated"
    assert main(
        ["--config", str(vgg16_run / "config.json"), "--output", str(output),
         "--set", "training_config.enable_training=false",
         "--set", f"model_configuration.saved_model={vgg16_run}"]
    ) == 0  # fmt: skip
    first, second = (read_json(run / "metrics.json") for run in (vgg16_run, output))
    assert second["test"] == first["test"]
    assert not (output / "history.csv").exists()
    environment = read_json(output / "environment.json")
    assert ("imagenet", "random") in {
        (s["wanted"], s["used"]) for s in environment["substitutions"]
    }


def test_evaluation_needs_a_finished_run(vgg16_run, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = ["--config", VGG16_CONFIG, *SMALL]
    arguments += ["--set", "training_config.enable_training=false"]
    assert main(arguments) == 1
    assert "results/vgg16" in capsys.readouterr().err
    unfinished = tmp_path / "results/vgg16/20260101-000000"
    shutil.copytree(vgg16_run, unfinished)
    (unfinished / "UNFINISHED").touch()
    assert main(arguments) == 1
    assert "no finished run" in capsys.readouterr().err


@pytest.mark.usefixtures("no_figures")
def test_real_mnist_is_read_from_its_archive(tmp_path, fake_mnist):
    """The archive has MNIST's form; the pixels are scikit-learn's digits."""
    output = tmp_path / "run"
    assert main(
        ["--config", VGG16_CONFIG, *SMALL, "--output", str(output),
         "--set", f"data_config.dataset.path={fake_mnist}"]
    ) == 0  # fmt: skip
    environment = read_json(output / "environment.json")
    assert environment["data"]["name"] == "mnist"
    assert [s["wanted"] for s in environment["substitutions"]] == ["imagenet"]


@pytest.fixture
def fake_mnist(tmp_path) -> Path:
    digits = load_digits()

    def enlarge(images):
        return np.stack([np.asarray(Image.fromarray(image).resize((28, 28))) for image in images])

    path = tmp_path / "mnist.npz"
    np.savez_compressed(
        path,
        x_train=enlarge(digits.train.images),
        y_train=digits.train.labels.astype("uint8"),
        x_test=enlarge(digits.test.images),
        y_test=digits.test.labels.astype("uint8"),
    )
    return path


@pytest.mark.parametrize("damage", ["truncated", "shapes", "missing"])
def test_a_damaged_archive_is_one_clear_message(damage, fake_mnist, tmp_path, capsys):
    arrays = dict(np.load(fake_mnist))
    if damage == "truncated":
        fake_mnist.write_bytes(fake_mnist.read_bytes()[:5000])
        expected = "truncated or damaged"
    elif damage == "shapes":
        np.savez(fake_mnist, **{**arrays, "y_train": arrays["y_train"][:10]})
        expected = "y_train has shape (10,)"
    else:
        del arrays["x_test"]
        np.savez(fake_mnist, **arrays)
        expected = "lacks x_test"
    output = tmp_path / "run"
    code = main(
        ["--config", VGG16_CONFIG, "--output", str(output),
         "--set", f"data_config.dataset.path={fake_mnist}"]
    )  # fmt: skip
    message = capsys.readouterr().err
    assert code == 1
    assert expected in message
    assert str(fake_mnist) in message
    assert "Traceback" not in message
    assert not output.exists(), "a run that never began leaves no directory"


def test_without_a_fallback_missing_data_ends_the_run(tmp_path, capsys):
    code = main(
        ["--config", VGG16_CONFIG, "--output", str(tmp_path / "run"),
         "--set", "data_config.dataset={name: mnist}"]
    )  # fmt: skip
    message = capsys.readouterr().err
    assert code == 1
    assert "mnist" in message
    assert "data_config.dataset.path" in message
    assert "if_unavailable" in message


def test_what_does_not_fit_the_fallback_is_not_blamed_on_the_data_set(tmp_path, capsys):
    dataset = f"{{name: folder, path: {tmp_path / 'typo'}, if_unavailable: digits}}"
    code = main(
        ["--config", str(ROOT / "configs" / "cnn.json"), "--output", str(tmp_path / "run"),
         "--set", f"data_config.dataset={dataset}",
         "--set", "model_configuration.model_top_config.digit.initializing_parameters.units=2"]
    )  # fmt: skip
    said, message = capsys.readouterr()
    assert code == 2
    assert f"there is no folder {tmp_path / 'typo'}" in said
    assert "'digits', used instead of 'folder', has 10 classes. Found 2." in message


def test_an_output_that_holds_something_is_refused(vgg16_run, capsys):
    before = sorted(path.name for path in vgg16_run.iterdir())
    arguments = ["--config", VGG16_CONFIG, *SMALL, "--output", str(vgg16_run)]
    assert main(arguments) == 2
    assert "not empty" in capsys.readouterr().err
    assert sorted(path.name for path in vgg16_run.iterdir()) == before


def test_an_output_that_cannot_be_made_is_one_clear_message(tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    arguments = ["--config", VGG16_CONFIG, *SMALL]
    assert main([*arguments, "--output", str(tmp_path / "file" / "run")]) == 1
    message = capsys.readouterr().err
    assert "--output" in message
    assert "Traceback" not in message
