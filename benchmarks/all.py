"""Every ratio on one page, so that a change of speed is seen.

    python -m benchmarks.all --minutes 30 --mnist mnist.npz --weights vgg16_notop.weights.h5

Runs the benchmarks one after the other, the most telling first, as long as there is time, and
writes `results/benchmarks/all.md`. What had no time is named there. The machine should do
nothing else.
"""

import argparse
import csv
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.processes import ROOT
from benchmarks.tables import RESULTS, describe_machine, format_table
from framework.utils.environment import find_commit
from framework.utils.files import write_text


@dataclass(frozen=True)
class Step:
    """A benchmark, and where its ratios are.

    Args:
        module: Its module in this package.
        options: Its command line.
        table: The name of its table.
        label: The column that says what a row is.
        ratios: The columns of ratios.
        minutes: How long it takes on two cores.
        takes: Options of this program that it takes, too.
    """

    module: str
    options: tuple[str, ...]
    table: str
    label: str
    ratios: tuple[str, ...]
    minutes: float
    takes: tuple[str, ...] = ()


STEPS = (
    Step("second_run", (), "second_run", "process", ("of the import",), 3),
    Step(
        "against_keras",
        ("--images", "1200", "--test-images", "400", "--plain-epochs", "2"),
        "against_keras_1200",
        "case",
        ("times faster", "whole process, times faster"),
        4,
        ("mnist", "weights"),
    ),
    Step(
        "extraction", (), "extraction", "runtime",
        ("of this project", "of the matrix product's rate"), 2,
    ),
    Step("sweep", ("--images", "1200"), "sweep", "what", ("of one run",), 4, ("mnist", "weights")),
    Step("top_epoch", (), "top_epoch", "epoch", ("times faster",), 2),
)  # fmt: skip


def run(step: Step, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Run a benchmark, and return a row for each ratio."""
    given = list(step.options)
    for name in step.takes:
        if (value := getattr(options, name)) is not None:
            given += [f"--{name}", str(value)]
    subprocess.run(
        [sys.executable, "-m", f"benchmarks.{step.module}", *given], cwd=ROOT, check=True
    )
    with (RESULTS / f"{step.table}.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    return [
        {
            "benchmark": step.module,
            "what": row[step.label],
            "ratio": column,
            "value": f"{float(row[column]):.3g}",
        }
        for row in rows
        for column in step.ratios
    ]


def main() -> None:
    """Read the options, run what there is time for, and write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=30.0, help="time for all of them")
    parser.add_argument("--mnist", type=Path, help="local mnist.npz; default: embedded digits")
    parser.add_argument("--weights", type=Path, help="local weights of VGG16; default: random")
    options = parser.parse_args()
    end = time.monotonic() + 60 * options.minutes
    rows: list[dict[str, Any]] = []
    left_out = []
    for step in STEPS:
        if time.monotonic() + 60 * step.minutes > end:
            left_out.append(step.module)
            continue
        rows += run(step, options)
        write_page(rows, left_out, options)
    write_page(rows, left_out, options)


def write_page(
    rows: list[dict[str, Any]], left_out: list[str], options: argparse.Namespace
) -> None:
    """Write the page with what is known so far."""
    data = "digits" if options.mnist is None else "MNIST"
    weights = "random weights" if options.weights is None else "ImageNet weights"
    missing = f" Not run: {', '.join(left_out)}." if left_out else ""
    text = (
        f"{format_table(rows)}\n\n{data}, VGG16 with {weights}, commit {find_commit()}."
        f"{missing} {describe_machine()}\n"
    )
    RESULTS.mkdir(parents=True, exist_ok=True)
    write_text(RESULTS / "all.md", text)
    print(text)


if __name__ == "__main__":
    main()
