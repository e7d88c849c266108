"""Makes the sample pictures of `results/samples/` by running shipped configs.

python -m scripts.make_samples configs/vgg16.json
python -m scripts.make_samples configs/vgg16.json --set data_config.dataset.path=mnist.npz
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from framework.cli.main import main as run_program

SAMPLES = Path("results/samples")

# What a reader wants to see first; the whole of a run is too large to be kept in a repository.
PICTURES = (
    "confusion_matrix_test.png",
    "loss.png",
    "accuracy.png",
    "dataset.png",
    "misclassified.png",
    "sample_predictions.png",
    "class_scores.png",
)


def make_samples(config: Path, overrides: list[str]) -> int:
    """Run a config and keep its pictures; returns the run's exit code."""
    with tempfile.TemporaryDirectory() as directory:
        run = Path(directory) / config.stem
        settings = [word for override in overrides for word in ("--set", override)]
        code = run_program(["--config", str(config), *settings, "--output", str(run)])
        if code == 0:
            target = SAMPLES / config.stem
            target.mkdir(parents=True, exist_ok=True)
            for name in PICTURES:
                shutil.copy(run / name, target / name)
    return code


def main() -> int:
    """Read the options and make the samples of each config."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("configs", type=Path, nargs="+")
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="KEY=VALUE")
    options = parser.parse_args()
    return max(make_samples(config, options.overrides) for config in options.configs)


if __name__ == "__main__":
    sys.exit(main())
