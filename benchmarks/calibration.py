"""Calibration error before and after a temperature, of several configs and seeds.

python -m benchmarks.calibration --mnist mnist.npz --images 6000
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.tables import report
from framework.config import load_config
from framework.experiment import RunOptions, start_experiment
from framework.utils.files import read_json

CONFIGS = ("vgg16", "cnn", "branches")
SEEDS = (0, 1, 2)


def measure(name: str, seed: int, settings: list[str], directory: Path) -> dict[str, Any]:
    """Run a config, and return how its test probabilities fit before and after."""
    config = load_config(
        next(Path("configs").glob(f"{name}.*")), [*settings, f"training_config.seed={seed}"]
    )
    run = start_experiment(config, name, directory, RunOptions(with_report=False))
    metrics = read_json(run / "metrics.json")
    found = metrics["calibration"]["test"]
    return {
        "config": name,
        "seed": seed,
        "accuracy": metrics["test"]["accuracy"],
        "temperature": metrics["calibration"]["temperature"],
        "ECE before": found["expected_calibration_error_before"],
        "ECE after": found["expected_calibration_error"],
        "loss before": found["loss_before"],
        "loss after": found["loss"],
    }


def main() -> None:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mnist", type=Path, required=True, help="mnist.npz")
    parser.add_argument("--images", type=int, default=6000, help="training images")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--weights", help="of VGG16, a file; by default as the configs say")
    options = parser.parse_args()
    settings = [
        "training_config.calibration=temperature",
        f"training_config.epochs={options.epochs}",
        f"data_config.dataset.path={options.mnist.resolve()}",
        f"data_config.limit.train={options.images}",
    ]
    weights = [f"model_configuration.weights={options.weights}"] if options.weights else []
    with tempfile.TemporaryDirectory() as folder:
        rows = [
            measure(
                name, seed, settings + weights * (name != "cnn"), Path(folder) / f"{name}-{seed}"
            )
            for name in CONFIGS
            for seed in SEEDS
        ]
    report(
        "calibration",
        rows,
        f"{options.images:,} MNIST images, {options.epochs} epochs, measured on the test images; "
        "ECE: expected calibration error in 15 bins. The predicted classes are the same before "
        "and after.",
    )


if __name__ == "__main__":
    main()
