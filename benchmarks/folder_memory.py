"""Peak memory of a run on a folder of pictures, and on one ten times larger.

    python benchmarks/folder_memory.py --images 1000

A frozen MobileNet, so that everything happens: checking, extraction, training, report.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

ROOT = Path(__file__).resolve().parents[1]
CLASSES = 4
SIDE = 256

CONFIG = {
    "training_config": {"epochs": 1, "feature_cache": {"augmented_views": 1}},
    "data_config": {"dataset": {"name": "folder", "path": "pictures"}},
    "model_configuration": {
        "model_name": "MobileNet",
        "weights": None,
        "model_arguments": {"alpha": 0.25, "pooling": "avg"},
        "model_top_config": {
            "answer": {
                "layer_type": "Dense",
                "initializing_parameters": {"units": CLASSES, "activation": "softmax"},
            }
        },
    },
}


def make_pictures(folder: Path, count: int) -> int:
    """Write JPEG files of `SIDE` x `SIDE` random blocks; returns their bytes."""
    random = np.random.default_rng(0)
    for label in range(CLASSES):
        (folder / f"class {label}").mkdir(parents=True)
    for number in tqdm(range(count), desc="pictures", leave=False):
        blocks = random.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        picture = Image.fromarray(blocks).resize((SIDE, SIDE), Image.Resampling.NEAREST)
        picture.save(folder / f"class {number % CLASSES}" / f"{number}.jpg")
    return count * SIDE * SIDE * 3


def measure_peak(count: int) -> tuple[int, int]:
    """Run on a folder of `count` pictures; returns peak memory and raw images, in bytes."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        raw = make_pictures(place / "pictures", count)
        (place / "config.json").write_text(json.dumps(CONFIG))
        command = [sys.executable, str(ROOT / "run.py"), "--config", "config.json"]
        environment = {**os.environ, "TRANSFER_FRAMEWORK_CACHE": str(place / "cache")}
        with (place / "log").open("w+") as log:
            run = subprocess.Popen(command, cwd=place, env=environment, stdout=log, stderr=log)
            _, status, usage = os.wait4(run.pid, 0)
            if status:
                log.seek(0)
                raise SystemExit(log.read())
    return usage.ru_maxrss * 1024, raw


def main() -> None:
    """Print both peaks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=1000, help="in the smaller folder")
    count = parser.parse_args().images
    print(f"{'images':>8} {'raw, MB':>10} {'peak, MB':>10}")
    for images in (count, 10 * count):
        peak, raw = measure_peak(images)
        print(f"{images:8,} {raw / 1e6:10,.0f} {peak / 1e6:10,.0f}", flush=True)


if __name__ == "__main__":
    main()
