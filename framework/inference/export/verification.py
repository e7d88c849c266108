"""Verification that an export gives the classifier's predictions."""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from framework.errors import RunError
from framework.inference.export.formats import Dtype, Format

# The largest difference of any probability from the classifier's own.
TOLERANCE = 1e-4

# The code of an export's read-me, which imports nothing of this package.
PROGRAM = """
import sys
import numpy as np
{load}
batches = []
every_image = np.load(sys.argv[1])
for dtype in sys.argv[3:]:
    for images in np.split(every_image.astype(dtype), range(32, len(every_image), 32)):
        {call}
        batches.append(probabilities)
np.save(sys.argv[2], np.concatenate(batches))
"""


def run_export(
    form: Format, directory: Path, images: np.ndarray, dtypes: Sequence[Dtype]
) -> np.ndarray:
    """Run an export in a process of its own, as its read-me says.

    Args:
        form: The export's format.
        directory: The folder of the model.
        images: `(n, rows, columns, channels)`, whole numbers in [0, 255].
        dtypes: The dtypes to which the images are converted, one after the other.

    Returns:
        `(len(dtypes), n, classes)` float32.

    Raises:
        RunError: The export can't be loaded or run.
    """
    program = PROGRAM.format(load=form.load.format(file=form.file_name), call=form.call)
    with tempfile.TemporaryDirectory() as scratch:
        inputs, outputs = Path(scratch, "images.npy"), Path(scratch, "probabilities.npy")
        np.save(inputs, images)
        process = subprocess.run(
            # Isolated: not even a package in the current folder can be imported.
            [sys.executable, "-I", "-c", program, str(inputs), str(outputs), *dtypes],
            cwd=directory,
            capture_output=True,
            text=True,
            errors="replace",
        )
        if process.returncode != 0:
            if "Select TensorFlow op" in process.stderr:
                raise RunError(
                    "LiteRT has no operation for a part of this network, so nothing is exported. "
                    "The formats saved_model, onnx and keras may take it."
                )
            lines = process.stderr.strip().splitlines() or [f"exit code {process.returncode}"]
            raise RunError(f"The export was written, but can't be run: {lines[-1]}")
        probabilities: np.ndarray = np.load(outputs)
        return probabilities.reshape(len(dtypes), len(images), -1)


def compare_probabilities(exported: np.ndarray, expected: np.ndarray) -> float:
    """Make sure that an export gives the classifier's probabilities.

    Args:
        exported: `(n, classes)` float32, of the export.
        expected: `(n, classes)` float32, of the classifier.

    Returns:
        The largest difference of any probability.

    Raises:
        RunError: A probability differs by more than `TOLERANCE`, or a class differs.
    """
    difference = float(np.abs(exported - expected).max())
    others = int((exported.argmax(axis=1) != expected.argmax(axis=1)).sum())
    # Written so that NaN fails too.
    if not difference <= TOLERANCE or others:
        raise RunError(
            f"The export does not give the classifier's answers: of {len(expected)} test images "
            f"{others} get another class, and a probability differs by {difference:.2g}, where "
            f"{TOLERANCE:g} is allowed. Nothing was kept."
        )
    return difference
