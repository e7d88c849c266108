"""Predictions for image files, batch by batch."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from framework.data.image_files import format_path, read_image
from framework.errors import RunError
from framework.inference.image_batches import stream_batches
from framework.inference.picture_reader import DEFAULTS, PictureReader, PreparedPicture, ReadOptions
from framework.inference.polarity import describe_inversion
from framework.inference.prediction import Prediction
from framework.inference.trained_network import BATCH_SIZE, TrainedNetwork


@dataclass(frozen=True)
class FilePrediction:
    """The prediction for one file, or the error why there is none."""

    image: str
    prediction: Prediction | None = None
    error: str | None = None

    def describe(self) -> dict[str, Any]:
        """Return the prediction or the error, ready for JSON."""
        outcome = self.prediction.describe() if self.prediction else {"error": self.error}
        return {"image": self.image, **outcome}


def predict_files(
    network: TrainedNetwork, files: Sequence[Path], options: ReadOptions = DEFAULTS
) -> Iterator[FilePrediction]:
    """Predict the classes of image files, with a progress bar for several batches.

    How many were inverted is said at the end, on standard error.

    Memory does not grow with the number of files, and predictions come in their order.
    """
    reader, inverted = PictureReader(network, options), 0
    batches = stream_batches(files, lambda file: reader.prepare(read_image(file)), BATCH_SIZE)
    # `None` hides the bar where standard error is no terminal.
    hidden = None if len(files) > BATCH_SIZE else True
    with tqdm(total=len(files), unit=" images", disable=hidden) as progress:
        for batch in batches:
            pictures = [found for _, found in batch if isinstance(found, PreparedPicture)]
            inverted += sum(picture.inverted for picture in pictures)
            predictions = iter(reader.read(pictures))
            for file, outcome in batch:
                if isinstance(outcome, RunError):
                    yield FilePrediction(format_path(file), error=str(outcome))
                else:
                    yield FilePrediction(format_path(file), next(predictions))
            progress.update(len(batch))
    if inverted and options.invert == "auto":
        said = describe_inversion(inverted, network.appearance, "--invert no")
        print(said, file=sys.stderr)
