r"""Makes `results/samples/` by the commands that its page shows.

python -m scripts.make_samples --mnist mnist.npz --weights vgg16_notop.weights.h5 \
    --photographs photos
"""

import argparse
import base64
import io
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from framework.utils.files import write_text

ROOT = Path(__file__).parent.parent
SAMPLES = ROOT / "results" / "samples"
MNIST = "--set data_config.dataset.path=mnist.npz"
PHOTOGRAPHS = "--set data_config.dataset.path=photos"
WEIGHTS = "--set model_configuration.weights=vgg16_notop.weights.h5"
LIMIT = 300_000  # bytes of a file
SCALES = (1.0, 0.8, 0.65, 0.5, 0.4, 0.3)


@dataclass(frozen=True)
class Sample:
    """A run to show.

    Args:
        name: Of its folder.
        title: Of its section.
        text: What it is.
        commands: What makes it, in order; the last one trains.
        pictures: The files shown.
    """

    name: str
    title: str
    text: str
    commands: Sequence[str]
    pictures: Sequence[str]


SAMPLES_TO_MAKE = (
    Sample(
        "vgg16",
        "VGG16 as published",
        "The shipped config on all of MNIST, with ImageNet's weights: a frozen VGG16, two dense "
        "layers on its last one, images rotated by up to ten degrees.",
        (f"--config configs/vgg16.json {MNIST} {WEIGHTS} --output results/mnist_vgg16",),
        ("confusion_matrix_test.png", "accuracy.png", "misclassified.png"),
    ),
    Sample(
        "vgg16_probed",
        "VGG16, read where `probe` says",
        "The same network, weights and images. `probe` finds the layer and writes the config, of "
        "which only the last layer is solved, in closed form.",
        (
            f"probe --config configs/vgg16.json {MNIST} {WEIGHTS} --output results/mnist_probe",
            "--config results/mnist_probe/config.yaml --output results/mnist_probed",
        ),
        ("probe.png", "confusion_matrix_test.png", "misclassified.png"),
    ),
    Sample(
        "cnn",
        "A CNN from nothing",
        "No backbone: all of a small convolutional network is trained, with new augmentation in "
        "every epoch.",
        (f"--config configs/cnn.json {MNIST} --output results/mnist_cnn",),
        ("confusion_matrix_test.png", "accuracy.png", "misclassified.png"),
    ),
    Sample(
        "photographs",
        "Photographs in folders",
        "2,000 color photographs of 32x32 in ten classes (CIFAR-10) to learn from and 500 to test, "
        "enlarged to 64x64; the layer of VGG16 is found by `probe`.",
        (
            f"probe --config configs/photos.yaml {PHOTOGRAPHS} {WEIGHTS} "
            "--output results/photos_probe",
            "--config results/photos_probe/config.yaml --output results/photos_probed",
        ),
        ("probe.png", "confusion_matrix_test.png", "misclassified.png"),
    ),
)


def main() -> int:
    """Read the options, make the samples and write their page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mnist", type=Path, required=True, help="MNIST's mnist.npz")
    parser.add_argument("--photographs", type=Path, required=True, help="a folder of classes")
    parser.add_argument("--weights", type=Path, required=True, help="VGG16's, of ImageNet")
    names = [sample.name for sample in SAMPLES_TO_MAKE]
    parser.add_argument("--only", nargs="+", choices=names, default=names)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        for name, target in {
            "mnist.npz": options.mnist,
            "photos": options.photographs,
            "vgg16_notop.weights.h5": options.weights,
            "configs": ROOT / "configs",
        }.items():
            (place / name).symlink_to(target.resolve(strict=True))
        for sample in SAMPLES_TO_MAKE:
            if sample.name in options.only:
                make_sample(sample, place)
    write_text(SAMPLES / "README.md", "\n".join(make_page()))
    return 0


def make_sample(sample: Sample, place: Path) -> None:
    """Run the commands of a sample, and keep what it shows, in small files."""
    for command in sample.commands:
        subprocess.run([sys.executable, ROOT / "run.py", *command.split()], cwd=place, check=True)
    *_, probed, run = [None, *(place / command.split()[-1] for command in sample.commands)]
    target = SAMPLES / sample.name
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for name in ("metrics.json", "config.json"):
        text = (run / name).read_text(encoding="utf-8")
        write_text(target / name, _hide(text, place))
    for name in sample.pictures:
        source = probed if probed and name == "probe.png" else run
        with Image.open(source / name) as image:
            image.convert("RGB").quantize(128, dither=Image.Dither.NONE).save(
                target / name, optimize=True
            )
    report = (run / "report.html").read_text(encoding="utf-8")
    write_text(target / "report.html", shrink_pictures(_hide(report, place)))


def _hide(text: str, place: Path) -> str:
    """Return a text with paths as a reader has them: without the temporary directory."""
    return text.replace(f"{place}/", "")


def shrink_pictures(page: str) -> str:
    """Return a page with its pictures as WebP, smaller until the page is small enough."""
    smaller = page
    for scale in SCALES:
        smaller = re.sub(
            r"data:image/png;base64,([A-Za-z0-9+/=]+)", lambda m, s=scale: _shrink(m[1], s), page
        )
        if len(smaller.encode()) < LIMIT:
            break
    return smaller


def _shrink(encoded: str, scale: float) -> str:
    """Return a picture as the smaller of a lossy WebP and one of few colors."""
    with Image.open(io.BytesIO(base64.b64decode(encoded))) as opened:
        image = opened.convert("RGB")
    if min(image.size) > 300:
        image = image.resize([round(side * scale) for side in image.size], Image.Resampling.LANCZOS)
    few = image.quantize(24, dither=Image.Dither.NONE).convert("RGB")
    variants = []
    for picture, options in ((image, {"quality": 40}), (few, {"lossless": True})):
        buffer = io.BytesIO()
        picture.save(buffer, "WEBP", method=6, **options)
        variants.append(buffer.getvalue())
    return "data:image/webp;base64," + base64.b64encode(min(variants, key=len)).decode()


def make_page() -> list[str]:
    """Return the lines of the page about the samples."""
    lines = [
        "# Sample runs",
        "",
        "Real runs of shipped configs, each with its commands, its report and its numbers. "
        "GitHub shows the source of a report; download it to open it, or open it on the "
        "documentation site. "
        "`make samples MNIST=mnist.npz WEIGHTS=vgg16_notop.weights.h5 PHOTOS=photos` "
        "makes all of this again.",
    ]
    for sample in SAMPLES_TO_MAKE:
        folder = SAMPLES / sample.name
        if not folder.is_dir():
            continue
        metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        lines += ["", f"## {sample.title}", "", sample.text, "", "```"]
        lines += [f"python run.py {command}" for command in sample.commands]
        lines += ["```", "", *_describe(metrics), ""]
        lines += [f"[The report]({sample.name}/report.html) · [all numbers]({sample.name}/"]
        lines[-1] += f"metrics.json) · [the config]({sample.name}/config.json)"
        for name in sample.pictures:
            words = name.removesuffix(".png").replace("_", " ")
            lines += ["", f"![{sample.title}: {words}]({sample.name}/{name})"]
    return [*lines, ""]


def _describe(metrics: dict[str, Any]) -> list[str]:
    """Return a table of a run's numbers."""
    test = metrics["test"]
    low, high = test["accuracy_interval"]
    worst = min(test["per_class"], key=lambda name: test["per_class"][name]["recall"])
    images = sum(map(sum, test["confusion_matrix"]))
    recall = test["per_class"][worst]["recall"]
    return [
        "| test accuracy (95 % interval) | test images | lowest recall | trained |",
        "|---|---|---|---|",
        f"| {test['accuracy']:.2%} ({low:.2%} to {high:.2%}) | {images:,} | {recall:.1%} ({worst}) "
        f"| {metrics['parameters']['trainable']:,} parameters |",
    ]


if __name__ == "__main__":
    sys.exit(main())
