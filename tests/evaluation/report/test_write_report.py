import errno
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from framework.config.model import ReportConfig, Solver
from framework.config.training_model import Tracking
from framework.errors import RunError
from framework.evaluation.figures import reliability_diagram
from framework.evaluation.report.data_uri import embed_images
from framework.evaluation.report.html_page import render_report
from framework.evaluation.report.matrix_section import list_rows
from framework.evaluation.report.report_inputs import SPLITS
from framework.evaluation.report.templating import format_percent
from framework.evaluation.report.write_report import write_report
from framework.runs.announcements import announce_results
from tests.helpers.fake_results import (
    load_digit_images,
    make_config,
    make_history,
    make_noise_images,
    make_predictions,
    make_report_inputs,
    make_sure_predictions,
)

CONTRACT = {
    *(f"confusion_matrix_{split}.png" for split in SPLITS),
    *(f"{split}_{metric}.png" for split in SPLITS[:2] for metric in ("loss", "accuracy")),
    "loss.png", "accuracy.png", "dataset.png", "misclassified.png", "sample_predictions.png",
    "report.html",
}  # fmt: skip
SOLVED = {"alpha": 0.001, "temperature": 0.1, "features": 512, "images": 5400}


class Values(HTMLParser):
    """Collects the exact value behind each figure of a page, and every figure."""

    def __init__(self):
        super().__init__()
        self.values, self.images, self.tags = [], [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag == "data":
            self.values.append(dict(attributes)["value"])
        if tag == "img":
            self.images.append(dict(attributes))


def parse(directory):
    page = Values()
    page.feed((directory / "report.html").read_text(encoding="utf-8"))
    return page


def read_notes(text):
    found = re.search(r'id="notes".*?<ul>(.*?)</ul>', text, re.DOTALL)
    return re.findall(r"<li>(.*?)</li>", found[1], re.DOTALL) if found else []


def judge(inputs):
    """The notes of a run, without drawing its figures."""
    text = render_report(inputs, [], {})
    return read_notes(text)


@pytest.fixture(scope="module")
def inputs():
    return make_report_inputs(
        environment={
            "python": "3.11.2",
            "substitutions": [
                {"what": "dataset", "wanted": "mnist", "used": "digits", "reason": "no network"}
            ],
        }
    )


@pytest.fixture(scope="module")
def directory(inputs, tmp_path_factory):
    directory = tmp_path_factory.mktemp("run")
    written = write_report(directory, inputs)
    assert sorted(written) == sorted(directory.iterdir())
    return directory


def test_a_run_directory_gets_all_its_files(directory):
    assert {path.name for path in directory.iterdir()} >= CONTRACT


def test_the_page_is_one_small_file_without_links_to_others(directory):
    text = (directory / "report.html").read_text(encoding="utf-8")
    assert len(text) < 5_000_000
    assert not re.findall(r'(?:src|href)="(?!data:|#)', text)
    assert "<script" not in text
    assert "url(" not in text


def test_every_figure_is_one_of_metrics(directory, inputs):
    def collect(value):
        if isinstance(value, dict):
            return {leaf for inner in value.values() for leaf in collect(inner)}
        if isinstance(value, list):
            return {leaf for inner in value for leaf in collect(inner)}
        return {str(value)}

    shown = parse(directory).values
    known = collect(dict(inputs.metrics))
    assert len(shown) > 60
    assert set(shown) <= known
    assert str(inputs.metrics["test"]["accuracy"]) in shown


def test_every_figure_of_the_page_says_what_it_shows(directory):
    images = parse(directory).images
    figures = [image for image in images if "width" in image]  # Others are single pictures.
    assert len(figures) == 12
    assert all(image["src"].startswith("data:image/png;base64,") for image in images)
    assert all("VGG16 (random weights) on digits" in image["alt"] for image in figures)
    assert all(image["alt"] for image in images)


def test_substitutions_stand_in_a_banner_before_everything_else(directory):
    text = (directory / "report.html").read_text(encoding="utf-8")
    banner = text.index("Not what the config names")
    assert banner < text.index("Test accuracy")
    assert "<b>digits</b> in place of mnist" in text


def test_a_quiet_run_has_no_notes(directory):
    assert read_notes((directory / "report.html").read_text(encoding="utf-8")) == []


def test_names_are_names_and_missing_classes_are_noted(tmp_path):
    names = ["<script>alert(1)</script>", "$x^$", "a & b", "no <images>"]
    images = load_digit_images(1400, 1797, classes=3)
    said = np.where(images.labels == 1, 2, images.labels)
    inputs = make_report_inputs(class_names=names, subject="<b>net</b>", predictions={
        split: make_sure_predictions(images.labels, said, 4) for split in SPLITS
    }, images=dict.fromkeys(SPLITS, images))  # fmt: skip
    write_report(tmp_path, inputs)
    assert "script" not in parse(tmp_path).tags
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert read_notes(text) == [
        "No test images, so that recall, precision and f1 count as 0: no &lt;images&gt;.",
        "Never predicted, so that precision and f1 count as 0: $x^$, no &lt;images&gt;.",
    ]
    assert {path.name for path in tmp_path.iterdir()} >= CONTRACT


def test_a_diverged_run_of_one_epoch_is_complete_whatever_its_answers(tmp_path):
    lost = {
        split: replace(
            predictions,
            probabilities=np.full((len(predictions), 3), np.nan, np.float32),
            loss=float("nan"),
        )
        for split, predictions in make_report_inputs(3).predictions.items()
    }
    history = [{**row, "loss": float("nan"), "val_loss": None} for row in make_history(1)]
    inputs = make_report_inputs(3, predictions=lost, history=history, config=make_config(epochs=4))
    write_report(tmp_path, inputs)
    assert read_notes((tmp_path / "report.html").read_text(encoding="utf-8")) == [
        "The training had a single epoch.",
        *(f"The loss on the {split} images is not a finite number." for split in SPLITS),
        "Never predicted, so that precision and f1 count as 0: 1, 2.",
    ]
    assert {path.name for path in tmp_path.iterdir()} >= CONTRACT


def test_a_run_without_training_is_complete_and_says_so(tmp_path):
    inputs = make_report_inputs(3, history=[], config=make_config(enable_training=False))
    write_report(tmp_path, inputs)
    assert judge(inputs) == [
        "This run trained nothing; it evaluates a classifier that was trained before."
    ]
    assert {path.name for path in tmp_path.iterdir()} >= CONTRACT


@pytest.mark.parametrize(
    ("rows", "training", "note"),
    [
        (
            1,
            {"epochs": 25, "call_backs_conf": {"EarlyStopping": {"patience": 0}}},
            "Early stopping ended the training after epoch 1 of 25.",
        ),
        (3, {"epochs": 5}, "The run ended the training after epoch 3 of 5."),
    ],
)
def test_a_training_that_stopped_early_is_noted(rows, training, note):
    inputs = make_report_inputs(3, history=make_history(rows), config=make_config(**training))
    assert judge(inputs) == [note]


@pytest.mark.parametrize(
    ("model", "conf", "note"),
    [
        (5, {}, "The model is of epoch 5, which has the best validation loss."),
        (
            12,
            {},
            "The model is of epoch 12, but epoch 5 has the best validation loss. To keep the best: "
            "training_config.call_backs_conf.EarlyStopping.restore_best_weights: true",
        ),
        (
            12,
            {"monitor": "val_accuracy", "restore_best_weights": True},
            "The model is of epoch 12, but epoch 5 has the best validation loss.",
        ),
    ],
)
def test_the_epoch_that_the_model_is_of_is_said(model, conf, note, caplog, tmp_path):
    conf = {"EarlyStopping": {"patience": 20, **conf}} if conf else {}
    inputs = make_report_inputs(config=make_config(epochs=12, call_backs_conf=conf))
    inputs.metrics.update(model_epoch=model, best_epoch=5)
    assert note in judge(inputs)
    with caplog.at_level("INFO"):
        announce_results(inputs.metrics, tmp_path, inputs.config)
    assert note in caplog.messages


def make_classifier():
    inputs = keras.Input((32, 32, 3), name="image")
    maps = keras.layers.Conv2D(2, 3, strides=4, name="conv")(inputs)
    flat = keras.layers.Flatten()(maps)
    return keras.Model(inputs, keras.layers.Dense(3, activation="softmax", name="end")(flat))


def test_extra_figures_are_drawn_and_their_failures_noted(tmp_path, monkeypatch, caplog):
    def fail(*_):
        raise ZeroDivisionError("of all things")

    monkeypatch.setattr(reliability_diagram, "plot_reliability", fail)
    wanted = ReportConfig(("conv", "end"), ("conv",), grad_cam=True, embedding=True)
    config = replace(make_config(), report_config=wanted)
    write_report(tmp_path, make_report_inputs(3, config=config, classifier=make_classifier()))
    made = {path.name for path in tmp_path.iterdir()}
    inside = {"grad_cam.png", "feature_maps_conv.png", "filters_conv.png", "embedding.png"}
    assert made >= CONTRACT | inside
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    broken, flat = read_notes(text)
    assert broken == "reliability.png is left out: ZeroDivisionError: of all things"
    assert flat.startswith("feature_maps_end.png is left out: report_config.feature_maps: layer")
    assert "feature_maps_end.png is left out" in caplog.text
    assert re.search(r"<td class=\"name\">conv</td><td>Conv2D</td><td>n x 8 x 8 x 2</td>", text)


def test_an_extra_figure_that_fails_while_it_is_saved_is_left_out_too(
    tmp_path, monkeypatch, caplog
):
    def plot_unsavable(*_):
        figure = plot_reliability(*_)
        figure.axes[0].xaxis.set_major_formatter(fail)  # It is not asked before that.
        return figure

    def fail(*_):
        raise ZeroDivisionError("of all things")

    plot_reliability = reliability_diagram.plot_reliability
    monkeypatch.setattr(reliability_diagram, "plot_reliability", plot_unsavable)
    write_report(tmp_path, make_report_inputs(3))
    (note,) = read_notes((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert note == "reliability.png is left out: ZeroDivisionError: of all things"
    assert "reliability.png is left out" in caplog.text
    assert not (tmp_path / "reliability.png").exists()
    assert {path.name for path in tmp_path.iterdir()} >= CONTRACT


def test_a_disk_that_is_full_is_no_fault_of_the_figure(tmp_path, monkeypatch):
    def refuse(self, data):
        if "reliability" in self.name:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write_bytes(self, data)

    write_bytes = Path.write_bytes
    monkeypatch.setattr(Path, "write_bytes", refuse)
    with pytest.raises(RunError, match=r"reliability.png: cannot be written: No space left"):
        write_report(tmp_path, make_report_inputs(3))


def test_a_disk_that_cannot_be_written_is_told(tmp_path):
    with pytest.raises(RunError, match="cannot be written"):
        write_report(tmp_path / "gone", make_report_inputs(3))


def test_figures_beyond_the_budget_are_left_out_largest_first(tmp_path):
    paths = []
    for side in (10, 200, 40):
        noise = np.random.default_rng(side).integers(0, 256, (side, side, 3), dtype=np.uint8)
        paths.append(tmp_path / f"{side}.png")
        Image.fromarray(noise).save(paths[-1])
    assert list(embed_images(paths, budget=20_000)) == [paths[0], paths[2]]


def test_the_config_of_the_page_is_the_config(directory, inputs):
    text = (directory / "report.html").read_text(encoding="utf-8")
    shown = re.search(r"<pre[^>]*>(.*?)</pre>", text, re.DOTALL)[1]
    config = json.loads(shown.replace("&#34;", '"').replace("&lt;", "<").replace("&amp;", "&"))
    assert config["data_config"]["dataset"]["name"] == "digits"
    assert config["training_config"]["epochs"] == 12


RUN = {
    "name": "vgg16/20261129-120000",
    "started": "2026-11-29T12:00:00+01:00",
    "command": "python run.py --config configs/vgg16.json --set 'a=<b>'",
    "config": "configs/vgg16.json",
}


def test_the_head_says_which_run_it_is():
    machine = {"processor": "A Processor", "processors": 2, "accelerators": ["A GPU"]}
    page = render_report(make_report_inputs(3, environment={"run": RUN, **machine}), [], {})
    head = re.search(r'<dl class="pairs" id="run">(.*?)</dl>', page, re.DOTALL)[1]
    assert re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", head) == [
        ("Run", "vgg16/20261129-120000"),
        ("Date", "2026-11-29 12:00:00 +0100"),
        ("Config file", "configs/vgg16.json"),
        (
            "Command",
            "<code>python run.py --config configs/vgg16.json --set &#39;a=&lt;b&gt;&#39;</code>",
        ),
        ("Duration", "20.2 s"),
        ("Machine", "A Processor, 2 processors, A GPU"),
    ]
    assert "run.command" not in page


def test_a_report_shows_no_password():
    tracking = Tracking("mlflow", uri="https://me:secret@example.org")
    page = render_report(make_report_inputs(3, config=make_config(tracking=tracking)), [], {})
    assert "secret" not in page
    assert "https://***@example.org" in page


def read_cells(page):
    """Each cell of the matrix that leads somewhere: its anchor and its number."""
    return {
        anchor: int(count)
        for anchor, count in re.findall(r'<a href="#(cell-\d+-\d+)">(\d+)</a>', page)
    }


def test_each_cell_of_the_matrix_leads_to_its_pictures():
    inputs = make_report_inputs(5)
    page = render_report(inputs, [], {})
    matrix = inputs.predictions["test"].confusion_matrix
    cells = read_cells(page.partition('id="matrix"')[2].partition("</table>")[0])
    assert cells == {
        f"cell-{true}-{predicted}": count
        for (true, predicted), count in np.ndenumerate(matrix)
        if count
    }
    predictions = inputs.predictions["test"]
    for anchor in cells:
        shown = page.partition(f'id="{anchor}"')[2].partition("</div>")[0]
        true, predicted = map(int, anchor.split("-")[1:])
        numbers = [int(number) for number in re.findall(r"<figcaption>no. (\d+)", shown)]
        assert 0 < len(numbers) == min(cells[anchor], 8)
        assert set(predictions.true[numbers]) == {true}
        assert set(predictions.predicted[numbers]) == {predicted}


def test_of_many_classes_the_listed_confusions_lead_to_their_pictures():
    images = make_noise_images(600, classes=30)
    predictions = dict.fromkeys(SPLITS, make_predictions(images.labels, 30, accuracy=0.6))
    names = [str(label) for label in range(30)]
    inputs = make_report_inputs(
        class_names=names, predictions=predictions, images=dict.fromkeys(SPLITS, images)
    )
    page = render_report(inputs, [], {})
    assert 'id="matrix"' not in page
    cells = read_cells(page)
    assert len(cells) == 12
    assert all(f'<div class="cell" id="{anchor}">' in page for anchor in cells)


def test_without_images_a_matrix_leads_nowhere():
    page = render_report(make_report_inputs(3, images={}), [], {})
    assert 'id="matrix"' in page
    assert "cell-" not in page


@pytest.mark.parametrize("share", np.linspace(0.001, 1, 25))
def test_the_numbers_of_a_matrix_stand_out_from_their_cells(share):
    ((cell, *_), *_) = list_rows(
        np.array([[round(1000 * share), 1000 - round(1000 * share)], [0, 1]])
    )
    *background, text = re.fullmatch(
        r"background: rgb\((\d+) (\d+) (\d+)\); color: (#000|#fff)", cell["style"]
    ).groups()
    # Contrast as WCAG 2.2 defines it; 4.5 is asked for text of this size.
    channels = np.array([int(channel) for channel in background]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    light = float(linear @ (0.2126, 0.7152, 0.0722))
    contrast = (light + 0.05) / 0.05 if text == "#000" else 1.05 / (light + 0.05)
    assert contrast >= 4.5


def test_figures_for_people():
    assert format_percent(0.97222) == "97.22\N{NO-BREAK SPACE}%"
    assert format_percent(None) == "–"


def test_a_top_in_closed_form_had_no_epochs():
    inputs = make_report_inputs(
        3,
        history=[{**make_history(1)[0], "learning_rate": None}],
        config=make_config(solver=Solver("ridge"), call_backs_conf={"EarlyStopping": {}}),
    )
    inputs = replace(inputs, metrics={**inputs.metrics, "solver": SOLVED})
    page = render_report(inputs, [], {})
    assert "solved in closed form by ridge regression on 5,400 images (alpha 0.001)" in page
    assert "Early stopping" not in page
    assert "single epoch" not in page
