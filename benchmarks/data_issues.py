"""How well `check-data` finds what was put into images: wrong labels and near-duplicates.

python -m benchmarks.data_issues labels --mnist mnist.npz --weights vgg16_notop.weights.h5
python -m benchmarks.data_issues labels --folder cifar10_small --weights ...
python -m benchmarks.data_issues copies --folder cifar10_small --weights ...
python -m benchmarks.data_issues disjoint --mnist mnist.npz --weights ... --images 10000
python -m benchmarks.data_issues speed --mnist mnist.npz --weights ... --images 10000
"""

import argparse
import csv
import io
import shutil
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

from framework.config import resolve_config
from framework.utils.native_logs import start_tensorflow

FLIPPED = 0.03
SEEDS = 3
COPIES = 50


def make_config(dataset, weights, seed=0, size=32):
    """Return a config of VGG16 as the shipped one, on other images."""
    return resolve_config(
        {
            "training_config": {"seed": seed},
            "data_config": {
                "dataset": dataset,
                "image_shape": {"image_rows": size, "image_columns": size},
            },
            "model_configuration": {
                "model_name": "VGG16",
                "weights": weights,
                "model_top_config": {
                    "flatten": {"layer_type": "Flatten"},
                    "classes": {
                        "layer_type": "Dense",
                        "initializing_parameters": {"units": "classes", "activation": "softmax"},
                    },
                },
            },
        }
    )


def read_images(options):
    """Return the training images of a folder or of MNIST, and their classes as text."""
    if options.folder:
        files = sorted(options.folder.glob("train/*/*"))
        return [np.asarray(Image.open(path)) for path in files], [p.parent.name for p in files]
    with np.load(options.mnist) as archive:
        count = options.images
        return list(archive["x_train"][:count]), list(map(str, archive["y_train"][:count]))


def write_folder(folder, images, labels):
    """Write images as PNG files into class folders; the number of an image is its name."""
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        path = folder / label / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)


def check(folder, options, method="odds", seed=0):
    """Run a check, and return the rows of `data_issues.csv` and the seconds."""
    from framework.data_check.check_data import check_data

    config = make_config(
        {"name": "folder", "path": str(folder)}, options.weights, seed, options.size
    )
    with tempfile.TemporaryDirectory() as output:
        start = time.perf_counter()
        directory = check_data(config, "benchmark", Path(output) / "check", method)
        seconds = time.perf_counter() - start
        with (directory / "data_issues.csv").open() as stream:
            return list(csv.DictReader(stream)), seconds


def find_number(path):
    """Return the number of an image from its path."""
    return int(Path(path).stem)


def measure_labels(options):
    """Flip labels, and print precision and recall of the label errors that are found."""
    images, labels = read_images(options)
    names = sorted(set(labels))
    for method in options.methods.split(","):
        found = []
        for seed in range(SEEDS):
            random = np.random.default_rng(seed)
            flipped = random.choice(len(labels), round(FLIPPED * len(labels)), replace=False)
            given = list(labels)
            for number in flipped:
                others = [name for name in names if name != labels[number]]
                given[number] = others[random.integers(len(others))]
            with tempfile.TemporaryDirectory() as folder:
                write_folder(Path(folder), images, given)
                rows, _ = check(Path(folder), options, method, seed)
            marked = {
                find_number(row["index_or_path"]) for row in rows if row["issue"] == "label error"
            }
            right = len(marked & set(flipped.tolist()))
            found.append((right / max(len(marked), 1), right / len(flipped), len(marked)))
        precision, recall, count = np.array(found).T
        print(
            f"{method}: precision {precision.mean():.3f} ({precision.min():.3f} to "
            f"{precision.max():.3f}), recall {recall.mean():.3f} ({recall.min():.3f} to "
            f"{recall.max():.3f}), {count.mean():.0f} of {len(labels)} images marked",
            flush=True,
        )


def change(image, keep_size):
    """Encode again, scale by 1.1 and shift by 2 pixels, as a copy in another data set may be."""
    buffer = io.BytesIO()
    picture = Image.fromarray(image)
    width, height = picture.size
    picture.save(buffer, "JPEG", quality=75)
    picture = Image.open(buffer).resize((round(width * 1.1), round(height * 1.1)))
    if keep_size:
        left, top = (picture.width - width) // 2, (picture.height - height) // 2
        picture = picture.crop((left, top, left + width, top + height))
    pixels = np.asarray(picture)
    shifted = np.zeros_like(pixels)
    shifted[2:, 2:] = pixels[:-2, :-2]
    return shifted


def measure_copies(options):
    """Put changed copies of training images into the test images, and print how many are found."""
    images, labels = read_images(options)
    for keep_size in (False, True):
        random = np.random.default_rng(0)
        chosen = random.choice(len(images), COPIES, replace=False).tolist()
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name) / "data"
            write_folder(folder / "train", images, labels)
            if options.folder:
                shutil.copytree(options.folder / "test", folder / "test")
            for number in chosen:
                path = folder / "test" / labels[number] / f"copy-{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(change(images[number], keep_size)).save(path)
            rows, _ = check(folder, options)
        pairs = [row for row in rows if "across splits" in row["issue"]]
        right = sum(
            "copy-" in row["index_or_path"]
            and Path(row["suggested_label_or_twin"]).stem
            == Path(row["index_or_path"]).stem.removeprefix("copy-")
            for row in pairs
        )
        kind = "cropped to the same size" if keep_size else "larger"
        print(f"{kind}: {right} of {COPIES} copies found, {len(pairs) - right} other pairs")


def measure_disjoint(options):
    """Print how many pairs of different images are taken for near-duplicates."""
    images, labels = read_images(options)
    with tempfile.TemporaryDirectory() as folder:
        write_folder(Path(folder), images, labels)
        rows, _ = check(Path(folder), options)
    counts = Counter(row["issue"] for row in rows)
    print(f"{len(images)} images: {dict(counts)}")


def measure_speed(options):
    """Print the seconds of a first check and of a second one, which finds the features."""
    images, labels = read_images(options)
    with tempfile.TemporaryDirectory() as folder:
        write_folder(Path(folder), images, labels)
        for name in ("first", "second"):
            _, seconds = check(Path(folder), options)
            print(f"{name} check of {len(images)} images: {seconds:.1f} s", flush=True)


def main():
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    measures = {
        "labels": measure_labels,
        "copies": measure_copies,
        "disjoint": measure_disjoint,
        "speed": measure_speed,
    }
    parser.add_argument("measure", choices=measures)
    parser.add_argument("--mnist", type=Path)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--weights", help="a weights file of VGG16 (default: random weights)")
    parser.add_argument("--images", type=int, default=3000, help="of MNIST")
    parser.add_argument("--size", type=int, default=32, help="rows and columns of an image")
    parser.add_argument("--methods", default="odds", help="odds, confident_learning or both")
    options = parser.parse_args()
    start_tensorflow()
    measures[options.measure](options)


if __name__ == "__main__":
    main()
