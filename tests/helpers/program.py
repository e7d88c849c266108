"""The program as the tests drive it."""

import csv
import json
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VGG16_CONFIG = str(ROOT / "configs/vgg16.json")

# Seconds that a program may take which is done in ten: a machine may be busy with other things, and
# pytest's own limit ends what hangs.
TIMEOUT_SECONDS = 1000

# Few images and epochs, so that a whole run takes seconds.
SMALL = ("--set", "data_config.limit={train: 200, test: 100}", "--set", "training_config.epochs=3")


def read_json(path):
    return json.loads(path.read_text(encoding="utf-8"))


def read_rows(path):
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))
