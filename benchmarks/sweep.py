"""A sweep of many tops over one backbone against one run, both from an empty store.

python -m benchmarks.sweep --mnist mnist.npz --images 6000
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.processes import BASE, CONFIG, ROOT, name_data, name_weights
from benchmarks.tables import report

UNITS = "model_configuration.model_top_config.dense_1.initializing_parameters.units"


def write_sweep(folder: Path, tops: int) -> Path:
    """Write a grid over the width of the published top."""
    keys = {UNITS: {"range": [50, 50 * tops], "step": 50}}
    path = folder / "sweep.json"
    section = {"sampler": "grid", "keys": keys}
    path.write_text(json.dumps({"extends": str(CONFIG), "sweep_config": section}))
    return path


def measure(command: Sequence[str], overrides: Sequence[str], folder: Path) -> float:
    """Return seconds of a whole process, with a feature store of its own, which is empty."""
    options = [option for override in overrides for option in ("--set", override)]
    with tempfile.TemporaryDirectory(dir=folder) as cache:
        started = time.perf_counter()
        result = subprocess.run(
            [sys.executable, "run.py", *command, *options],
            cwd=ROOT,
            env=os.environ | {"TRANSFER_FRAMEWORK_CACHE": cache, "TF_CPP_MIN_LOG_LEVEL": "3"},
            capture_output=True,
            text=True,
        )
    if result.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed:\n{result.stderr[-4000:]}")
    return time.perf_counter() - started


def sum_phases(sweep: Path) -> dict[str, float]:
    """Return seconds of each phase, over all trials."""
    phases: dict[str, float] = {}
    for path in sweep.glob("trials/*/metrics.json"):
        for phase, seconds in json.loads(path.read_text())["timing"].items():
            phases[phase] = phases.get(phase, 0.0) + seconds
    return phases


def main() -> None:
    """Read the options, measure, and report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mnist", type=Path, help="local mnist.npz; default: embedded digits")
    parser.add_argument("--weights", type=Path, help="local weights of VGG16; default: random")
    parser.add_argument("--images", type=int, default=1400, help="training images")
    parser.add_argument("--tops", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=25)
    options = parser.parse_args()
    test_images = max(300, options.images // 6)
    overrides = (
        *BASE,
        *name_data(options.mnist, options.images, test_images),
        *name_weights(options.weights),
        f"training_config.epochs={options.epochs}",
    )
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run = ["--config", str(CONFIG), "--output", str(folder / "run")]
        alone = measure(run, overrides, folder)
        config = write_sweep(folder, options.tops)
        sweep = ["sweep", "--config", str(config), "--output", str(folder / "sweep")]
        together = measure(sweep, overrides, folder)
        phases = sum_phases(folder / "sweep")
    for what, trials, seconds in (
        ("one run", 1, alone),
        ("sweep", options.tops, together),
    ):
        row = {"what": what, "trials": trials, "whole process, s": seconds}
        rows.append({**row, "of one run": seconds / alone})
    data = "digits" if options.mnist is None else "MNIST"
    spent = ", ".join(f"{phase} {seconds:.1f}" for phase, seconds in phases.items())
    report(
        "sweep",
        rows,
        f"{data}, {options.images} + {test_images} images, {options.epochs} epochs, rotation in "
        "stored views, frozen VGG16, the published top in as many widths; whole processes, each "
        f"from an empty store. The trials' seconds: {spent}.",
    )


if __name__ == "__main__":
    main()
