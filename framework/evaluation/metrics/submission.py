"""Answers for the unlabeled test images of a competition."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
from tqdm import tqdm

from framework.data.images import Images
from framework.models.classifier import Classifier
from framework.utils.files import write_text

BATCH = 256


def write_submission(path: Path, classifier: Classifier, images: Images) -> None:
    """Write `ImageId,Label`, a row for each image, counted from 1.

    Args:
        path: The file.
        classifier: Answers with the names of its classes.
        images: The images, in the order of their source; their labels are not looked at.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("ImageId", "Label"))
    with tqdm(total=len(images), desc="submission", unit=" images", leave=False) as bar:
        for first in range(0, len(images), BATCH):
            positions = np.arange(first, min(first + BATCH, len(images)))
            answers = classifier.model.predict_on_batch(images.read(positions)).argmax(axis=1)
            writer.writerows(
                (position + 1, classifier.class_names[answer])
                for position, answer in zip(positions.tolist(), answers, strict=True)
            )
            bar.update(len(positions))
    write_text(path, text.getvalue())
