"""The folder that a reader of the documentation works in: the project, with data and runs."""

import csv
import json
import os
import re
import shutil
import signal
import time
from pathlib import Path

import numpy as np
from PIL import Image

from tests.helpers.program import ROOT, TIMEOUT_SECONDS, VGG16_CONFIG, read_json, read_rows
from tests.helpers.small_sweeps import RATE, write_sweep

# What the pages write for something of the reader's own, with what stands for it in the folder;
# the first that fits counts.
PLACEHOLDERS = {
    r"sweep --resume DIR\b": "sweep --resume results/interrupted_sweep",
    r"--resume DIR\b": "--resume results/interrupted",
    r"\bDIR/best\.json": "results/best.json",
    r"\b(DIR|RUN)(\.\.\.)?(?= |$)": "results/vgg16",
    r"sweep --config (S|FILE)\b": "sweep --config small_sweep.json",
    r"configs/NAME\b": "configs/cnn.json",
    r"--config (C|FILE)\b": "--config small.yaml",
    r"run\.py \.\.\.$": "run.py --config small.yaml",
    r"\bbackbones (NAME|<name>)": "backbones MobileNet",
    r"\bFOLDER(\.\.\.)?(?= |$)": "digits",
    r"\bTABLE\b": "digits.csv",
    r"\bIMAGE(\.\.\.)?(?= |$)": "photo.jpg",
}

# Solved in closed form, which takes no time to compile.
CONFIG = """
training_config: {solver: {name: ridge}}
data_config:
  dataset: digits
  limit: {train: 120, test: 30}
  image_shape: {image_rows: 32, image_columns: 32, channel_numbers: 3}
model_configuration:
  model_name: MobileNet
  model_arguments: {alpha: 0.25}
  weights: null
  model_top_config:
    flat: {layer_type: Flatten, input_layer: conv_pw_2_relu}
    digit: {layer_type: Dense, initializing_parameters: {units: classes, activation: softmax}}
"""
SWEEP = {"trials": 2, "reports": 0, "keys": {RATE: {"log_range": [0.001, 0.01]}}}
RUNS = ("20261129-120000", "a", "b")
IMAGES_OF_A_CLASS = 8


def fill_in(text):
    """Return a command with the placeholders replaced."""
    for pattern, replacement in PLACEHOLDERS.items():
        text = re.sub(pattern, replacement, text)
    return text


def make_reader_folder(folder, forker):
    """Make everything that commands of the documentation name."""
    folder.mkdir()
    for name in ("benchmarks", "configs", "docs", "examples", "scripts"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "run.py", folder)
    # A file of the package is none of the reader's.
    (folder / "framework").symlink_to(ROOT / "framework")
    (folder / "small.yaml").write_text(CONFIG)
    write_sweep(folder, SWEEP, "small_sweep")
    write_wrong_config(folder / "mine.json")
    write_images(folder)
    write_networks(folder)
    make_runs(folder, forker)
    return folder


def copy_reader_folder(source, target):
    """Copy the folder for one test; large files, which nothing changes in place, are linked."""

    def copy(path, other):
        (os.link if os.path.getsize(path) > 2**20 else shutil.copy2)(path, other)

    return shutil.copytree(source, target, symlinks=True, copy_function=copy)


def write_wrong_config(path):
    """Write the published config with two slips of the pen, as README.md shows them."""
    with open(VGG16_CONFIG, encoding="utf-8") as stream:
        text = stream.read()
    wrong = text.replace('"imagenet"', '"imagnet"')
    wrong = wrong.replace('"input_layer": "dense_1"', '"input_layer": "dense1"')
    path.write_text(wrong)


def write_images(folder):
    """Write digits as MNIST's file, as files in class folders and in a table, and photographs."""
    from framework.data.registry import load_digits

    digits = load_digits()
    archive = {}
    for split, source in (("train", digits.train), ("test", digits.test)):
        # MNIST frames 20x20 pixels.
        pixels = [
            np.asarray(Image.fromarray(image).resize((20, 20))) for image in source.images[:400]
        ]
        archive[f"x_{split}"] = np.pad(np.stack(pixels), ((0, 0), (4, 4), (4, 4)))
        archive[f"y_{split}"] = source.labels[:400].astype(np.uint8)
    np.savez(folder / "mnist.npz", **archive)
    rows = []
    for number, (pixels, label) in enumerate(
        zip(digits.test.images[:80], digits.test.labels, strict=False)
    ):
        path = folder / "digits" / str(label) / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
        rows.append((path.relative_to(folder), label))
    with (folder / "digits.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([("path", "label"), *rows])
    (folder / "scans").mkdir()
    for name, pixels in zip(
        ("scans/1", "scans/2", "a", "b", "photo"), digits.test.images, strict=False
    ):
        Image.fromarray(pixels).save(folder / f"{name}.png")
    Image.open(folder / "photo.png").save(folder / "photo.jpg")
    write_photographs(folder)


def write_photographs(folder):
    """Write pictures of three classes, once in class folders and once divided into splits."""
    from tests.helpers.flawed_folder import paint

    random = np.random.default_rng(0)
    for split, count in (("train", 20), ("test", IMAGES_OF_A_CLASS)):
        for number, name in enumerate(("cat", "ship", "horse")):
            divided = folder / "cifar10_small" / split / name
            divided.mkdir(parents=True)
            for place in range(count):
                pixels = np.clip(paint(random, "left") + 40 * number, 0, 255).astype(np.uint8)
                Image.fromarray(pixels).resize((32, 32)).save(divided / f"{place}.jpg")
    shutil.copytree(folder / "cifar10_small" / "test", folder / "photos")


def write_networks(folder):
    """Write weights of VGG16 in both formats, a network as a file, and presets of KerasHub."""
    import keras

    from tests.helpers.hub_presets import make_preset

    network = keras.applications.VGG16(weights=None, include_top=False, input_shape=(32, 32, 3))
    network.save_weights(folder / "vgg16_notop.weights.h5")
    network.save(folder / "vgg16_notop.h5")
    keras.applications.MobileNet(
        weights=None, include_top=False, alpha=0.25, input_shape=(32, 32, 3)
    ).save(folder / "my.keras")
    for family in ("DINOV2", "SigLIP"):
        make_preset(family, folder / family.lower())


def make_runs(folder, forker):
    """Make finished runs, and a run and a sweep that were killed."""
    results = Path("results")
    finished = forker.start("--config", "small.yaml", "--output", results / "vgg16/a", cwd=folder)
    run, sweep = results / "interrupted", results / "interrupted_sweep"
    for directory, history, *arguments in (
        (run, "history.csv", "--config", "base.json"),
        (sweep, "trials/0000/history.csv", "sweep", "--config", "small_sweep.json"),
    ):
        arguments += ["--output", directory]
        kill_after_an_epoch(forker, folder, directory / history, *arguments)
    assert finished.wait(TIMEOUT_SECONDS) == 0, finished.output
    results = folder / results
    for name in RUNS:
        if name != "a":
            shutil.copytree(results / "vgg16" / "a", results / "vgg16" / name)
    (results / "best.json").write_text(json.dumps(read_json(results / "vgg16/a/config.json")))


def kill_after_an_epoch(forker, folder, history, *arguments):
    """Start a program, and kill it when it has written one row of a `history.csv`."""
    process = forker.start(*arguments, cwd=folder, hold=(history, 1))
    path = folder / history
    while process.is_alive() and not (path.exists() and len(read_rows(path)) == 1):
        time.sleep(0.01)
    assert process.is_alive(), process.output
    process.send_signal(signal.SIGKILL)
    process.wait(TIMEOUT_SECONDS)
