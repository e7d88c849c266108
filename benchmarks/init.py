"""`init` on ten layouts of images: init, --check and a run, beside the nearest shipped config.

python -m benchmarks.init --folder cifar10_small --mnist mnist.npz [--weights FILE]
"""

import argparse
import json
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from framework.data.registry import find_dataset

ROOT = Path(__file__).resolve().parent.parent
PHOTOS, DIGITS = 300, 400


def save(path, image):
    """Write an image file, and its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)


def read_photos(folder):
    """Return photographs of three classes, of uneven numbers, with their classes."""
    random = np.random.default_rng(0)
    found = []
    for name, share in (("cat", 0.5), ("ship", 0.3), ("horse", 0.2)):
        files = sorted((folder / "train" / name).iterdir())[: round(PHOTOS * share)]
        found += [(np.asarray(Image.open(path)), name) for path in files]
    return [found[position] for position in random.permutation(len(found))]


def read_digits(path):
    """Return digits of MNIST with their classes."""
    with np.load(path) as archive:
        return list(zip(archive["x_train"][:DIGITS], archive["y_train"][:DIGITS], strict=True))


def split(pairs):
    """Return three fifths, a fifth and a fifth."""
    first, second = round(0.6 * len(pairs)), round(0.8 * len(pairs))
    return {"train": pairs[:first], "val": pairs[first:second], "test": pairs[second:]}


def write_splits(folder, pairs, names):
    """Write class folders in folders of splits."""
    for name, part in zip(names, split(pairs).values(), strict=True):
        for number, (image, label) in enumerate(part):
            if name:
                save(folder / name / str(label) / f"{number}.png", image)


def write_flat(folder, pairs):
    """Write class folders."""
    for number, (image, label) in enumerate(pairs):
        save(folder / str(label) / f"{number}.png", image)


def write_named(folder, pairs):
    """Write files whose names begin with the class."""
    for number, (image, label) in enumerate(pairs):
        save(folder / "train" / f"{label}.{number}.jpg", image)


def write_competition(folder, pairs):
    """Write class folders to train on, and test images without classes."""
    parts = split(pairs)
    write_flat(folder / "train", parts["train"] + parts["val"])
    for number, (image, _) in enumerate(parts["test"]):
        save(folder / "test" / f"{number}.jpg", image)


def write_table(folder, pairs, ending, delimiter, with_split):
    """Write files and a table of their paths and classes."""
    lines = [delimiter.join(["path", "label", *(["split"] if with_split else [])])]
    for name, part in split(pairs).items():
        for number, (image, label) in enumerate(part):
            path = f"images/{name}-{number}.png"
            save(folder / path, image)
            lines.append(delimiter.join([path, str(label), *([name] if with_split else [])]))
    (folder / f"labels{ending}").write_text("\n".join(lines) + "\n")


def write_pixels(folder, pairs):
    """Write a table of pixels to train on, and one without labels."""
    folder.mkdir()
    parts = split(pairs)
    for name in ("train", "test"):
        lines = [["label"] * (name == "train") + [f"pixel{n}" for n in range(784)]]
        for image, label in parts[name]:
            lines.append([str(label)] * (name == "train") + list(map(str, image.ravel())))
        text = "\n".join(",".join(line) for line in lines)
        (folder / f"{name}.csv").write_text(text + "\n")


def write_archive(folder, pairs):
    """Write an .npz archive."""
    folder.mkdir()
    parts = split(pairs)
    arrays = {}
    for name in ("train", "test"):
        images, labels = zip(*parts[name], strict=True)
        arrays |= {f"x_{name}": np.stack(images), f"y_{name}": np.array(labels)}
    np.savez(folder / "digits.npz", **arrays)


THREE, TWO = ("train", "val", "test"), ("train", "", "test")
OTHERS = ("training_set", "", "test_set")
COMMAS = {"ending": ".csv", "delimiter": ",", "with_split": True}
TABS = {"ending": ".tsv", "delimiter": "\t", "with_split": False}

# Layout -> the images, how they are written, and which file of the folder init is given.
LAYOUTS = {
    "train, val and test": ("photos", partial(write_splits, names=THREE), ""),
    "train and test": ("photos", partial(write_splits, names=TWO), ""),
    "class folders": ("photos", write_flat, ""),
    "training_set and test_set": ("photos", partial(write_splits, names=OTHERS), ""),
    "cat.0.jpg": ("photos", write_named, ""),
    "test without labels": ("photos", write_competition, ""),
    "table of files with splits": ("photos", partial(write_table, **COMMAS), "labels.csv"),
    "table of digits, tabs": ("digits", partial(write_table, **TABS), "labels.tsv"),
    "train.csv of pixels": ("digits", write_pixels, ""),
    "npz archive": ("digits", write_archive, "digits.npz"),
}
NEAREST = {"photos": "photos.yaml", "digits": "vgg16.json"}
"""The shipped config that is nearest to the images."""


def run(*words):
    """Run the program; return its exit code."""
    done = subprocess.run(
        [sys.executable, ROOT / "run.py", *map(str, words)], capture_output=True, text=True
    )
    if done.returncode:
        print(done.stderr[-500:])
    return done.returncode


def read_accuracy(directory):
    """Return the accuracy on validation of a run."""
    return json.loads((directory / "metrics.json").read_text())["validation"]["accuracy"]


def main():
    """Print a line for each layout."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--mnist", type=Path, required=True)
    parser.add_argument("--weights", help="a weights file of VGG16 (default: random weights)")
    parser.add_argument("--only", help="the layouts whose name holds this")
    options = parser.parse_args()
    pairs = {"photos": read_photos(options.folder), "digits": read_digits(options.mnist)}
    weights = ["--set", f"model_configuration.weights={options.weights or 'null'}"]
    for name, (kind, write, data) in LAYOUTS.items():
        shipped = NEAREST[kind]
        if options.only and options.only not in name:
            continue
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            write(place / "data", pairs[kind])
            path, config = place / "data" / data, place / "mine.yaml"
            codes = [run("init", path, "--output", config)]
            codes.append(run("--config", config, "--check"))
            codes.append(run("--config", config, *weights, "--output", place / "mine"))
            found = find_dataset(str(path)).name
            dataset = f"data_config.dataset={{name: {found}, path: {path}}}"
            base = ROOT / "configs" / shipped
            codes.append(
                run("--config", base, "--set", dataset, *weights, "--output", place / "base")
            )
            mine, other = read_accuracy(place / "mine"), read_accuracy(place / "base")
            print(f"{name}: exit {codes}, validation {mine:.3f}, {shipped} {other:.3f}", flush=True)


if __name__ == "__main__":
    main()
