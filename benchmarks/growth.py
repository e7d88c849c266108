"""How seconds and memory grow with the number of images, over three sizes.

python -m benchmarks.growth --mnist mnist.npz --images 2000 6000 20000
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from benchmarks.processes import BASE, NO_AUGMENTATION, OTHER_TOP, name_data, train_with_project
from benchmarks.tables import RESULTS, report
from framework.evaluation.figures.style import BLUE, ORANGE, make_figure, save_figure, styled

COLUMNS = {"first run, s": BLUE, "second run, s": ORANGE}


def measure(images: int, options: argparse.Namespace) -> dict[str, Any]:
    """Return a first run and a second one, with another top, on so many images."""
    test_images = max(300, images // 6)  # As in the whole of MNIST.
    base = (*BASE, *NO_AUGMENTATION, *name_data(options.mnist, images, test_images))
    base = (*base, f"training_config.epochs={options.epochs}")
    with tempfile.TemporaryDirectory() as folder:
        first = train_with_project(base, Path(folder))
        second = train_with_project([*base, *OTHER_TOP], Path(folder))
    return {
        "images": images + test_images,
        "first run, s": first.estimate_seconds(options.epochs),
        "second run, s": second.estimate_seconds(options.epochs),
        "images/s, features": (images + test_images) / first.features,
        "peak memory, first run, MB": first.peak_memory / 1e6,
        "peak memory, second run, MB": second.peak_memory / 1e6,
    }


@styled
def draw(rows: list[dict[str, Any]], subtitle: str) -> Figure:
    """Return images against seconds."""
    figure = make_figure(6.5, 3.6, "How the cost grows", subtitle)
    axes = figure.subplots()
    for column, colour in COLUMNS.items():
        values = [row[column] for row in rows]
        axes.loglog([row["images"] for row in rows], values, "o-", color=colour)
        label = column.removesuffix(", s")
        axes.annotate(
            label,
            (rows[-1]["images"], values[-1]),
            xytext=(-8, 6),
            textcoords="offset points",
            ha="right",
            color=colour,
        )
    axes.set_xlabel("images (logarithmic)")
    axes.set_ylabel("seconds (logarithmic)")
    axes.set_xticks([row["images"] for row in rows])
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:,.0f}")
        axis.set_minor_locator(NullLocator())
    axes.grid()
    return figure


def main() -> None:
    """Read the options, measure, and report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mnist", type=Path, help="local mnist.npz; default: embedded digits")
    parser.add_argument("--images", type=int, nargs="+", default=[200, 600, 1400])
    parser.add_argument("--epochs", type=int, default=25)
    options = parser.parse_args()
    rows = [measure(images, options) for images in options.images]
    data = "digits" if options.mnist is None else "MNIST"
    subtitle = f"{data}, {options.epochs} epochs, no augmentation, frozen VGG16, published top"
    notes = f"{subtitle}; seconds of features and training, memory of the whole process."
    report("growth", rows, notes)
    save_figure(draw(rows, subtitle), RESULTS / "growth.png")


if __name__ == "__main__":
    main()
