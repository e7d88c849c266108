"""The published config against plain Keras: same images, same top, same machine.

    python -m benchmarks.against_keras --images 3000 --mnist mnist.npz

Plain Keras runs the frozen backbone in every epoch, so a few of its epochs tell what
all of them take: `--plain-epochs` are run, the others count as their median.
"""

import argparse
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from benchmarks.processes import (
    BASE,
    NO_AUGMENTATION,
    OTHER_TOP,
    Training,
    name_data,
    name_weights,
    train_with_plain_keras,
    train_with_project,
)
from benchmarks.tables import RESULTS, report
from framework.evaluation.figures.style import BLUE, VERMILION, make_figure, save_figure, styled

AUGMENTATIONS = {"none": NO_AUGMENTATION, "rotation": ()}
FRESH = ("training_config.feature_cache.augmented_views=fresh",)


@dataclass(frozen=True)
class Case:
    """One row: what the framework does, and the plain training it is held against."""

    title: str
    plain: str
    overrides: tuple[str, ...]
    starts_cold: bool
    all_epochs: bool = True


CASES = (
    Case("no augmentation, first run", "none", NO_AUGMENTATION, starts_cold=True),
    Case("second run, another top", "none", NO_AUGMENTATION + OTHER_TOP, starts_cold=False),
    Case("rotation, stored views, first run", "rotation", (), starts_cold=True),
    Case("rotation, fresh every epoch", "rotation", FRESH, starts_cold=True, all_epochs=False),
)


def measure(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Run the chosen cases `--repeat` times, turn by turn, and return the table."""
    base = (*BASE, *name_data(options.mnist, options.images, options.test_images))
    base = (*base, *name_weights(options.weights), *options.overrides)
    cases = [case for case in CASES if case.plain in options.augmentations]
    plain: dict[str, list[Training]] = {name: [] for name in options.augmentations}
    project: dict[str, list[Training]] = {case.title: [] for case in cases}
    few = f"training_config.epochs={options.plain_epochs}"
    many = f"training_config.epochs={options.epochs}"
    for _ in range(options.repeat):
        for name, trainings in plain.items():
            trainings.append(train_with_plain_keras([*base, *AUGMENTATIONS[name], few]))
        with tempfile.TemporaryDirectory() as folder:
            for number, case in enumerate(cases):
                cache = Path(folder) / (str(number) if case.starts_cold else str(number - 1))
                epochs = many if case.all_epochs else few
                training = train_with_project([*base, *case.overrides, epochs], cache)
                project[case.title].append(training)
    return [make_row(case, plain[case.plain], project[case.title], options) for case in cases]


def make_row(
    case: Case, plain: list[Training], project: list[Training], options: argparse.Namespace
) -> dict[str, Any]:
    """Return medians of seconds and of the ratios of each turn."""
    seconds, processes = (
        [[estimate(training, options.epochs) for training in side] for side in (plain, project)]
        for estimate in (Training.estimate_seconds, Training.estimate_process)
    )
    return {
        "case": case.title,
        "plain Keras, s": statistics.median(seconds[0]),
        "this project, s": statistics.median(seconds[1]),
        "times faster": divide(*seconds),
        "whole process, times faster": divide(*processes),
    }


def divide(slow: list[float], fast: list[float]) -> float:
    """Return median of the ratios of each turn, in which both met the same load."""
    return statistics.median(one / other for one, other in zip(slow, fast, strict=True))


@styled
def draw(rows: list[dict[str, Any]], subtitle: str) -> Figure:
    """Bars of seconds, two a case, with the ratio beside them."""
    figure = make_figure(8.0, 0.8 * len(rows) + 0.8, "Time to train, against plain Keras", subtitle)
    axes = figure.subplots()
    for offset, column, colour in (
        (-0.19, "plain Keras, s", VERMILION),
        (0.19, "this project, s", BLUE),
    ):
        places = [place + offset for place in range(len(rows))]
        values = [row[column] for row in rows]
        axes.barh(places, values, height=0.36, color=colour, label=column.removesuffix(", s"))
        for place, value, row in zip(places, values, rows, strict=True):
            ratio = "" if offset < 0 else f"   {row['times faster']:.3g} times faster"
            axes.text(value, place, f" {value:,.0f} s{ratio}", va="center", size=9)
    axes.set_yticks(range(len(rows)), [row["case"] for row in rows])
    axes.invert_yaxis()
    axes.set_xlim(right=axes.get_xlim()[1] * 1.15)
    axes.set_xlabel("seconds")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
    return figure


def main() -> None:
    """Read the options, measure, and report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=1000, help="training and validation images")
    parser.add_argument("--test-images", type=int, default=300)
    parser.add_argument("--epochs", type=int, default=25)
    parser.add_argument("--plain-epochs", type=int, default=3)
    parser.add_argument("--augmentations", nargs="+", choices=AUGMENTATIONS, default=AUGMENTATIONS)
    parser.add_argument("--repeat", type=int, default=1, help="turns, of which medians are taken")
    parser.add_argument("--mnist", type=Path, help="local mnist.npz; default: embedded digits")
    parser.add_argument("--weights", type=Path, help="local weights of VGG16; default: random")
    parser.add_argument("--set", action="append", default=[], dest="overrides", metavar="KEY=VALUE")
    options = parser.parse_args()
    data = "digits" if options.mnist is None else "MNIST"
    subtitle = (
        f"{data}, {options.images:,} + {options.test_images:,} images, {options.epochs} epochs, "
        f"frozen VGG16 with {'ImageNet' if options.weights else 'random'} weights, published top, "
        f"medians of {options.repeat}"
    )
    notes = (
        f"{subtitle}. Seconds of training with its features and validation, without imports, "
        "evaluation and report; the last column counts the processes whole. Of plain Keras "
        "and of fresh views only whole epochs at the beginning were run "
        f"({options.plain_epochs}); the others count as the median of those after the first, or "
        "as the only one."
    )
    rows = measure(options)
    name = f"against_keras_{options.images}"
    if set(options.augmentations) != set(AUGMENTATIONS):
        name += f"_{'_'.join(options.augmentations)}"
    report(name, rows, notes)
    save_figure(draw(rows, subtitle), RESULTS / f"{name}.png")


if __name__ == "__main__":
    main()
