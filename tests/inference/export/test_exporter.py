import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
import yaml
from PIL import Image

from framework.cli.main import main
from framework.data.registry import load_digits
from framework.errors import RunError
from framework.inference.export import exporter as exports
from framework.inference.export.formats import FORMATS
from framework.utils import optional_dependencies
from tests.helpers.program import ROOT

pytestmark = pytest.mark.long

FIVE_HUNDRED = np.concatenate([load_digits().test.images, load_digits().train.images[:140]])


def export(*arguments):
    return main(["export", *map(str, arguments)])


FOLLOW = """
import sys, numpy as np
folder, code, *dtypes = sys.argv[1:]
for dtype in dtypes:
    names = {"images": np.load(f"{folder}/images.npy").astype(dtype)}
    exec(code, names)
    np.save(f"{folder}/{dtype}.npy", names["probabilities"])
assert "framework" not in sys.modules
"""


def follow_readme(directory, images, dtypes, tmp_path):
    """Run the Python of an export's read-me on images, where this package can't be imported."""
    code = re.search(r"```python\n(.*?)```", (directory / "README.md").read_text(), re.DOTALL)[1]
    np.save(tmp_path / "images.npy", images)
    program = [sys.executable, "-I", "-c", FOLLOW, tmp_path, code, *dtypes]
    subprocess.run(program, cwd=directory, check=True)
    return [np.load(tmp_path / f"{dtype}.npy") for dtype in dtypes]


@pytest.mark.parametrize(
    ("name", "options", "dtypes"),
    [
        ("keras", [], ["float32", "uint8"]),
        ("saved_model", [], ["float32", "uint8"]),
        ("onnx", [], ["float32"]),
        ("onnx", ["--input-dtype", "uint8"], ["uint8"]),
        ("litert", [], ["float32"]),
        ("litert", ["--input-dtype", "uint8"], ["uint8"]),
    ],
    ids=lambda value: "".join(value) if isinstance(value, str) else "-".join(value),
)
def test_an_export_alone_agrees_with_predict_on_500_images(
    digits_run, trained, tmp_path, capsys, name, options, dtypes
):
    output = tmp_path / "exported"
    assert export("--run", digits_run, "--format", name, *options, "--output", output) == 0
    said = capsys.readouterr().out
    assert "Compared on test images: the same classes" in said
    assert str(output) in said
    names = json.loads((output / "class_names.json").read_text())["class_names"]
    assert tuple(names) == trained.class_names
    prepared = np.stack([trained.resize(image) for image in FIVE_HUNDRED])
    batch = np.repeat(prepared, 3, axis=-1)
    expected = trained.predict_probabilities(list(FIVE_HUNDRED))
    assert f"16, 3)` {' or '.join(dtypes)}, RGB" in (output / "README.md").read_text()
    for answers in follow_readme(output, batch, dtypes, tmp_path):
        assert len(answers) == 500
        np.testing.assert_allclose(answers, expected, atol=1e-4)
        np.testing.assert_array_equal(answers.argmax(axis=1), expected.argmax(axis=1))


def test_the_read_me_leads_from_a_picture_to_the_name_of_its_class(digits_run, tmp_path):
    output = tmp_path / "exported"
    assert export("--run", digits_run, "--format", "tflite", "--output", output) == 0
    readme = (output / "README.md").read_text()
    assert "pip install numpy pillow ai-edge-litert" in readme
    _, code = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    test = load_digits().test
    right = 0
    for pixels, label in zip(test.images[:20], test.labels[:20], strict=True):
        # Dark on light, large, and anywhere on the page.
        page = Image.new("RGB", (500, 400), "white")
        digit = Image.fromarray(255 - pixels).resize((160, 160), Image.Resampling.BICUBIC)
        page.paste(digit, (270, 60))
        page.save(output / "photo.png")
        program = [sys.executable, "-I", "-c", code]
        said = subprocess.run(program, cwd=output, check=True, capture_output=True, text=True)
        right += said.stdout.split()[0] == str(label)
    assert right >= 16


def test_the_read_me_is_a_model_card(digits_run, tmp_path):
    run = shutil.copytree(digits_run, tmp_path / "run")
    metrics = json.loads((run / "metrics.json").read_text())
    rates = {"precision": 0.5, "recall": 0.25, "support": 40}
    metrics["test"] |= {"accuracy_interval": [0.9, 0.99], "per_class": {"7": rates}}
    (run / "metrics.json").write_text(json.dumps(metrics))
    output = tmp_path / "exported"
    assert export("--run", run, "--format", "keras", "--output", output) == 0
    _, head, text = (output / "README.md").read_text().split("---\n", 2)
    card = yaml.safe_load(head)
    assert (card["library_name"], card["pipeline_tag"]) == ("keras", "image-classification")
    (result,) = card["model-index"][0]["results"]
    assert result["metrics"] == [
        {"type": "accuracy", "value": round(metrics["test"]["accuracy"], 4)}
    ]
    assert "95 % interval 90.00 to 99.00 %" in text
    assert "| 7 | 50.0 % | 25.0 % | 40 |" in text
    assert "'7' is recognized least often: 25.0 %." in text
    assert "Trained on digits, 10 classes." in text


def test_a_saved_model_has_a_signature_for_each_dtype(digits_run, tmp_path):
    output = tmp_path / "exported"
    assert export("--run", digits_run, "--format", "saved_model", "--output", output) == 0
    signatures = tf.saved_model.load(output / "saved_model").signatures
    (image,) = load_digits().test.images[:1]
    pixels = np.zeros((1, 16, 16, 3), np.uint8) + image[4, 4]
    answers = [
        signatures[name](image=tf.constant(pixels, dtype))["output_0"]
        for name, dtype in (("serving_default", "float32"), ("serve_uint8", "uint8"))
    ]
    np.testing.assert_array_equal(*answers)


def test_class_names_have_one_form_in_all_files(digits_run, trained, tmp_path):
    output = tmp_path / "exported"
    assert export("--run", digits_run, "--format", "saved_model", "--output", output) == 0
    inside, beside = (
        output / "saved_model/assets.extra/class_names.json",
        output / "class_names.json",
    )
    expected = {"class_names": list(trained.class_names)}
    assert json.loads(inside.read_text()) == json.loads(beside.read_text()) == expected


FULL_DISK = """
import resource, sys
from pathlib import Path
from framework.errors import RunError
from framework.inference.export.exporter import export_classifier
from framework.inference.trained_classifier import load_classifier
trained = load_classifier(sys.argv[1])
for name in ("keras", "saved_model", "onnx", "litert"):
    for limit in (300, 20_000):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        try:
            export_classifier(trained, name, Path(sys.argv[2], "exported"))
        except RunError as error:
            print(error)
"""


def test_a_full_disk_is_one_message_and_leaves_nothing(digits_run, tmp_path):
    """Limit the size of files, which a program sees like a full disk."""
    ended = subprocess.run(
        [sys.executable, "-c", FULL_DISK, digits_run, tmp_path],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    messages = ended.stdout.splitlines()
    assert len(messages) == 8
    assert all("cannot be written: File too large. " in message for message in messages)
    assert list(tmp_path.iterdir()) == []


def test_class_names_travel_inside_onnx(digits_run, trained, tmp_path):
    import onnxruntime

    output = tmp_path / "digits.onnx"
    assert export("--run", digits_run, "--format", "onnx", "--output", output) == 0
    metadata = onnxruntime.InferenceSession(output).get_modelmeta().custom_metadata_map
    assert tuple(json.loads(metadata["class_names"])) == trained.class_names
    # A file was wanted, so what goes with it lies beside it.
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "digits.README.md",
        "digits.class_names.json",
        "digits.onnx",
    ]
    assert 'InferenceSession("digits.onnx")' in (tmp_path / "digits.README.md").read_text()


def test_8_bit_integers_make_a_smaller_file_and_report_both_accuracies(
    digits_run, tmp_path, capsys
):
    output = tmp_path / "small"
    code = export("--run", digits_run, "--format", "litert", "--int8", "--output", output)
    assert code == 0
    said = capsys.readouterr().out
    shares = re.search(r"with 8-bit integers (\d+\.\d) % right, without (\d+\.\d) %", said)
    assert abs(float(shares[1]) - float(shares[2])) < 3
    assert shares[0] in (output / "README.md").read_text()
    assert (output / "model.tflite").stat().st_size < 30_000


def test_the_default_output_is_in_the_run(digits_run):
    assert export("--run", digits_run, "--format", "onnx") == 0
    assert (digits_run / "export_onnx" / "model.onnx").is_file()


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        (lambda right: right + 2e-4, r"a probability differs by 0\.0002"),
        (lambda right: right[:, ::-1], r"of 360 test images 3\d\d get another class"),
        (lambda right: right * np.nan, "a probability differs by nan"),
    ],
)
def test_an_export_with_other_predictions_is_not_kept(
    trained, tmp_path, monkeypatch, answers, message
):
    def run_wrong_export(form, directory, images, dtypes):
        assert (directory / form.file_name).exists()
        right = trained.classifier.model.predict(images, verbose=0)
        return np.stack([right, answers(right)])

    monkeypatch.setattr(exports, "run_export", run_wrong_export)
    with pytest.raises(RunError, match=message):
        exports.export_classifier(trained, "keras", tmp_path / "exported")
    assert list(tmp_path.iterdir()) == []


def test_an_export_that_does_not_load_is_not_kept(trained, tmp_path, monkeypatch):
    def write_damaged(trained, path, dtype):
        path.write_text("damaged")

    monkeypatch.setitem(FORMATS, "onnx", replace(FORMATS["onnx"], write=write_damaged))
    with pytest.raises(RunError, match="was written, but can't be run: "):
        exports.export_classifier(trained, "onnx", tmp_path / "exported")
    assert list(tmp_path.iterdir()) == []


def test_an_existing_output_is_not_overwritten(digits_run, tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    assert export("--run", digits_run, "--format", "keras", "--output", tmp_path / "mine") == 2
    assert "mine is there already. Name another place." in capsys.readouterr().err


def test_a_missing_package_names_the_extra(digits_run, capsys, monkeypatch):
    monkeypatch.setattr(optional_dependencies, "find_spec", lambda name: None)
    assert export("--run", digits_run, "--format", "onnx") == 1
    assert capsys.readouterr().err == (
        "Exporting to onnx needs tf2onnx, onnx, onnxruntime. "
        "Install with: pip install --editable '.[export]'\n"
    )


def test_int8_goes_with_litert_only(digits_run, capsys):
    assert export("--run", digits_run, "--format", "onnx", "--int8") == 2
    assert "--int8: goes with --format litert only. Found onnx." in capsys.readouterr().err
