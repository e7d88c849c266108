"""A second run, with another top, against the import of TensorFlow and Keras alone.

    python -m benchmarks.second_run

Whole processes: `configs/vgg16.json` as it is shipped, on scikit-learn's digits, from stored
features and programs, with its pictures and its report.
"""

import argparse
import os
import statistics
import tempfile
from pathlib import Path

from benchmarks.processes import CONFIG, OTHER_TOP, measure_process
from benchmarks.tables import report

IMPORT = ["-c", "import tensorflow, keras"]
DATA = ("data_config.dataset=digits", "model_configuration.weights=null")


def measure(repeat: int, folder: Path) -> list[dict[str, float]]:
    """Return seconds of both, and their ratio, turn by turn."""
    cache = folder / "cache"

    def run(number: int | str) -> float:
        output = folder / f"run {number}"
        command = ["run.py", "--config", str(CONFIG), "--output", str(output)]
        return float(measure_process(command, (*DATA, *OTHER_TOP), cache)["process"])

    run("first")
    turns = []
    for number in range(repeat):
        alone = float(measure_process(IMPORT, (), cache)["process"])
        second = run(number)
        turns.append({"import": alone, "second run": second, "ratio": second / alone})
    return turns


def main() -> None:
    """Read the options, measure, and report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    with tempfile.TemporaryDirectory() as folder:
        turns = measure(options.repeat, Path(folder))
    median = {name: statistics.median(turn[name] for turn in turns) for name in turns[0]}
    rows = [
        {"process": "import tensorflow, keras", "s": median["import"], "of the import": 1.0},
        {"process": "second run", "s": median["second run"], "of the import": median["ratio"]},
    ]
    report(
        "second_run", rows,
        "configs/vgg16.json on digits, features and compiled programs stored, another top; "
        f"medians of {options.repeat} turns.",
    )  # fmt: skip


if __name__ == "__main__":
    main()
