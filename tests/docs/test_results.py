"""How docs/results.md and results/samples/ are made, on small data; and that they are whole."""

import base64
import csv
import io
import re
from dataclasses import astuple, replace

import numpy as np
import pytest
from PIL import Image

from scripts import make_results, make_samples, result_rows
from scripts.make_results import ROWS, check_rows, read_rows, write_rows, write_tables
from scripts.make_samples import LIMIT, SAMPLES, SAMPLES_TO_MAKE, make_page, shrink_pictures
from scripts.result_rows import TRANSFER, Result, Row, Sources, list_rows, measure
from tests.helpers.program import ROOT

pytestmark = pytest.mark.long

DIGITS = Row("images", "digits", "published top", 32, 5, 0)


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """Few digits and photographs, and random weights."""
    import keras

    from framework.data.registry import load_digits

    folder = tmp_path_factory.mktemp("sources")
    archive = {}
    for split, source in (("train", load_digits().train), ("test", load_digits().test)):
        archive |= {f"x_{split}": source.images[:600], f"y_{split}": source.labels[:600]}
    np.savez(folder / "mnist.npz", **archive)
    random = np.random.default_rng(0)
    for split, count in (("train", 12), ("test", 2)):
        for label in range(10):
            place = folder / "photographs" / split / f"class {label}"
            place.mkdir(parents=True)
            for number in range(count):
                pixels = random.integers(0, 100, (32, 32, 3)) + 15 * label
                Image.fromarray(pixels.astype(np.uint8)).save(place / f"{number}.png")
    network = keras.applications.VGG16(weights=None, include_top=False, input_shape=(32, 32, 3))
    network.save_weights(folder / "vgg16.weights.h5")
    return Sources(folder / "mnist.npz", folder / "photographs", folder / "vgg16.weights.h5")


@pytest.fixture
def quick(monkeypatch):
    """Makes trainings short, and probes small."""
    monkeypatch.setattr(result_rows, "CNN_STEPS", 207)
    monkeypatch.setattr(result_rows, "PROBE_SHOTS", 10)
    result_rows.find_tops.cache_clear()


@pytest.mark.parametrize("method", [*TRANSFER, "cnn"])
def test_every_method_is_measured(method, sources, quick):
    row = replace(DIGITS, method=method, side=28 if method == "cnn" else 32)
    result = measure(row, sources)
    assert result.test_images == 360
    assert 0 < result.low < result.accuracy < result.high < 1
    taps = [layer for layer in result.layers.split(" + ") if layer]
    assert len(taps) == {"two taps": 2, "cnn": 0}.get(method, 1)
    if method == "two taps":
        assert len({layer.split("_")[0] for layer in taps}) == 2
    if method in ("published top", "fine-tuned"):
        assert taps == ["block5_pool"]


def test_photographs_are_measured_in_color(sources, quick):
    row = Row("images", "photographs", "cnn", 32, 5, 0)
    assert measure(row, sources).test_images == 20


def test_rows_are_checked_against_those_in_the_file(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(make_results, "ROWS", tmp_path / "rows.csv")
    rows = [row for row in list_rows() if row.table == "images"]
    result = Result("block4_conv1", 0.9925, 0.98, 0.996, 2000)
    write_rows(dict.fromkeys(rows, result))
    assert read_rows() == dict.fromkeys(rows, result)
    monkeypatch.setattr(make_results, "measure", lambda row, sources: result)
    assert check_rows(rows, None, 3, seed=1) == 0
    assert capsys.readouterr().out.count("the same") == 3
    monkeypatch.setattr(
        make_results, "measure", lambda row, sources: replace(result, accuracy=0.99)
    )
    assert check_rows(rows, None, 3, seed=1) == 1
    assert capsys.readouterr().out.count("was Result") == 3


def test_the_page_has_the_tables_of_the_measured_rows(tmp_path, monkeypatch):
    page = (ROOT / "docs" / "results.md").read_text()
    copy = tmp_path / "results.md"
    copy.write_text(re.sub(r"(<!-- (.*?) -->).*?(<!-- /\2 -->)", r"\1\3", page, flags=re.DOTALL))
    monkeypatch.setattr(make_results, "PAGE", copy)
    write_tables(read_rows())
    assert copy.read_text() == page


def test_all_rows_are_measured():
    with (ROOT / ROWS).open(newline="") as stream:
        written = [tuple(line.values())[:6] for line in csv.DictReader(stream)]
    assert written == [tuple(map(str, astuple(row))) for row in list_rows()]


def test_pictures_of_a_page_get_smaller_until_it_is_small():
    noise = np.random.default_rng(0).integers(0, 255, (900, 900, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "PNG")
    uri = "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
    page = shrink_pictures(f'<p><img src="{uri}"></p>')
    assert len(page) < LIMIT < len(uri)
    data = base64.b64decode(re.search(r"data:image/webp;base64,([^\"]+)", page)[1])
    assert Image.open(io.BytesIO(data)).size[0] < 900


def test_the_samples_are_those_of_the_script_and_small():
    page = (SAMPLES / "README.md").read_text()
    assert page == "\n".join(make_page())
    assert page.count("[The report]") == len(SAMPLES_TO_MAKE)
    for path in SAMPLES.rglob("*.*"):
        assert path.stat().st_size < LIMIT, path
    for sample in SAMPLES_TO_MAKE:
        report = (SAMPLES / sample.name / "report.html").read_text()
        assert f"python run.py {sample.commands[-1]}" in report
        assert "/tmp/" not in report


def test_a_sample_is_made_by_its_commands(sources, tmp_path, monkeypatch):
    monkeypatch.setattr(make_samples, "SAMPLES", tmp_path)
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    (tmp_path / "photos").symlink_to(sources.photographs)
    (tmp_path / "vgg16_notop.weights.h5").symlink_to(sources.weights)
    (sample,) = (each for each in SAMPLES_TO_MAKE if each.name == "photographs")
    make_samples.make_sample(sample, tmp_path)
    files = {path.name for path in (tmp_path / "photographs").iterdir()}
    assert files == {*sample.pictures, "report.html", "metrics.json", "config.json"}
    assert "Photographs in folders" in "\n".join(make_page())
