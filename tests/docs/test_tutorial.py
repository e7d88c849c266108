"""docs/tutorial.md: its notebook, its numbers, and all its steps, run on small data."""

import io
import os
import re

import keras
import nbformat
import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from scripts.make_tutorial import (
    NOTEBOOK,
    PAGE,
    PICTURE,
    PICTURES,
    find_unproved,
    keep_picture,
    make_notebook,
    prepare_folder,
    read_output,
    read_page,
    run_notebook,
    update_page,
)
from tests.helpers.program import read_json

pytestmark = pytest.mark.long

TEXT = PAGE.read_text(encoding="utf-8")

PORT = 20_000 + os.getpid() % 10_000

# Fewer epochs and images, so that all steps take a minute or two.
SMALLER = {
    "../configs/vgg16.json": "../configs/vgg16.json\ntraining_config: {epochs: 2}",
    "train: 12000": "train: 300",
    "epochs: 10": "epochs: 1",
    "1200": "20",
    '"few": 300': '"few": 10',
    " --port 8123": f" --port {PORT}",
    ":8123/": f":{PORT}/",
}

# Made by scripts/draw_digits.py, which needs a browser.
OTHERS = {"tutorial/draw.png"}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """What a reader downloads, but small: digits, random weights and photographs."""
    folder = tmp_path_factory.mktemp("data")
    digits = load_digits()
    images = np.pad(np.kron(digits.images, np.ones((3, 3))) * 15, ((0, 0), (2, 2), (2, 2)))
    x, y = images.astype(np.uint8), digits.target.astype(np.uint8)
    np.savez(
        folder / "mnist.npz", x_train=x[:400], y_train=y[:400], x_test=x[-120:], y_test=y[-120:]
    )
    keras.utils.set_random_seed(0)
    network = keras.applications.VGG16(weights=None, include_top=False)
    network.save_weights(folder / "vgg16.weights.h5")
    random = np.random.default_rng(0)
    for part, count in (("train", 16), ("test", 4)):
        for name, color in (
            ("cat", (200, 120, 40)),
            ("horse", (90, 60, 30)),
            ("ship", (40, 90, 200)),
        ):
            (folder / "photos" / part / name).mkdir(parents=True)
            for number in range(count):
                noise = random.integers(-40, 40, (32, 32, 3)) + np.array(color)
                picture = Image.fromarray(noise.clip(0, 255).astype(np.uint8))
                picture.save(folder / "photos" / part / name / f"{number:04}.jpg")
    return folder


@pytest.fixture(scope="module")
def executed(data, tmp_path_factory):
    """The folder in which all steps were run, and the notebook with what they printed."""
    folder = tmp_path_factory.mktemp("tutorial")
    prepare_folder(folder, data / "mnist.npz", data / "vgg16.weights.h5", data / "photos")
    notebook = make_notebook(read_page(TEXT))
    for cell in notebook.cells:
        for text, smaller in SMALLER.items():
            if cell.cell_type == "code":
                cell.source = cell.source.replace(text, smaller)
    run_notebook(notebook, folder)
    return folder, notebook


def test_the_notebook_is_that_of_the_page():
    written = io.StringIO()
    nbformat.write(make_notebook(read_page(TEXT)), written)
    assert NOTEBOOK.read_text(encoding="utf-8") == written.getvalue(), "run: make tutorial"
    assert NOTEBOOK.stat().st_size < 300_000


def test_every_percentage_in_the_prose_was_printed_by_a_step():
    assert find_unproved(TEXT) == []


def test_the_pictures_are_there_and_small():
    shown = PICTURE.findall(TEXT)
    sizes = {name: (PICTURES / name).stat().st_size for name in shown}
    assert max(sizes.values()) < 100_000
    assert sum(sizes.values()) < 1_000_000
    kept = {
        path.relative_to(PICTURES).as_posix() for path in (PICTURES / "tutorial").rglob("*.png")
    }
    assert kept == set(shown)


def test_all_steps_run_and_make_every_picture(executed):
    folder, _ = executed
    shown = set(PICTURE.findall(TEXT)) - OTHERS
    assert {name for name in shown if not (folder / name).is_file()} == set()


def test_what_the_steps_compute_from_the_matrix_is_in_the_metrics(executed):
    folder, notebook = executed
    printed = "\n".join(
        read_output(cell, folder) for cell in notebook.cells if cell.cell_type == "code"
    )
    by_hand = re.search(r"by hand: *recall ([\d.]+)%, specificity ([\d.]+)%", printed)
    scores = read_json(folder / "tutorial/published/metrics.json")["test"]["per_class"]["5"]
    assert float(by_hand[1]) == pytest.approx(100 * scores["recall"], abs=0.051)
    assert float(by_hand[2]) == pytest.approx(100 * scores["specificity"], abs=0.051)


def test_what_is_printed_is_written_below_its_commands(executed):
    folder, notebook = executed
    updated = update_page(TEXT, notebook, folder)
    assert "(400, 28, 28) (120, 28, 28)" in updated
    assert [block.kind for block in read_page(updated)] == [block.kind for block in read_page(TEXT)]
    assert str(folder) not in updated


def test_pictures_are_kept_on_white_with_few_colors(tmp_path):
    Image.new("RGBA", (3000, 30), (255, 0, 0, 0)).save(tmp_path / "wide.png")
    keep_picture(tmp_path / "wide.png", tmp_path / "kept.png")
    kept = Image.open(tmp_path / "kept.png")
    assert (kept.mode, kept.width) == ("P", 1100)
    assert kept.convert("RGB").getcolors() == [(1100 * kept.height, (255, 255, 255))]
