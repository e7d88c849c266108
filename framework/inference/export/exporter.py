"""Export of a classifier to a format that needs nothing of this package."""

import logging
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import tensorflow as tf

from framework.config.model import DatasetConfig
from framework.data.images import Images
from framework.data.registry import read_dataset
from framework.data.splits import split_dataset
from framework.errors import RunError, UsageError
from framework.inference.export.formats import ALIASES, Dtype, find_format, write_quantized
from framework.inference.export.readme import render_readme
from framework.inference.export.verification import compare_probabilities, run_export
from framework.inference.trained_classifier import TrainedClassifier
from framework.utils.files import write_json, write_text

logger = logging.getLogger(__name__)

TEST_IMAGES = 500
# TensorFlow's guide to post-training quantization recommends 100 to 500.
CALIBRATION_IMAGES = 200


def export_classifier(
    trained: TrainedClassifier,
    name: str,
    output: Path | None = None,
    quantize: bool = False,
    dtype: Dtype = "float32",
) -> Path:
    """Export a classifier, and log how the export compares with it on test images.

    Args:
        trained: The classifier.
        name: A key of `FORMATS` or of `ALIASES`, in `framework.inference.export.formats`.
        output: The folder to create, by default `export_<format>` in the run directory; or
            a file with the format's ending, with class names and read-me beside it.
        quantize: Whether LiteRT computes with 8-bit integers, which costs accuracy.
        dtype: Of the images, for formats that take one dtype only.

    Returns:
        What was created.

    Raises:
        UsageError: There is no such format, or `output` exists already.
        RunError: A package or the test images are missing, or the export does not give
            the classifier's probabilities. Nothing is left behind then.
    """
    name = ALIASES.get(name, name)
    form = find_format(name)
    dtypes = form.list_dtypes(dtype)
    if output is None:  # Named after everything that is not the default.
        precision = "_int8" if quantize else ""
        suffix = "" if "float32" in dtypes else f"_{dtype}"
        output = trained.run / f"export_{name}{precision}{suffix}"
    if output.exists():
        raise UsageError(f"--output: {output} is there already. Name another place.")
    training, test = _sample_images(trained)
    with _stage(output) as folder:
        model_file = folder / form.file_name
        if quantize:
            write_quantized(trained, model_file, dtype, _read(training))
        else:
            form.write(trained, model_file, dtype)
        images = _read(test)
        exported = run_export(form, folder, images, dtypes)
        expected = trained.classifier.model.predict(images, verbose=0)
        comparison = _compare(exported, expected, test.labels if quantize else None)
        # A file was asked for, or a folder.
        is_file = output.suffix and output.suffix == model_file.suffix
        prefix = f"{output.stem}." if is_file else ""
        names = (output.name if is_file else form.file_name, f"{prefix}class_names.json")
        readme = render_readme(
            trained, name, form, dtypes, names, f"{len(test)} test images: {comparison}"
        )
        write_json(folder / names[1], {"class_names": list(trained.class_names)})
        write_text(folder / f"{prefix}README.md", readme)
        if is_file:
            for path in set(folder.iterdir()) - {model_file}:
                os.replace(path, output.with_name(path.name))
        os.replace(model_file if is_file else folder, output)
    logger.info("Compared on test images: %s\nExported to %s", comparison, output)
    return output


def _compare(exported: np.ndarray, expected: np.ndarray, labels: np.ndarray | None) -> str:
    """Compare the probabilities of an export with the classifier's.

    Args:
        exported: `(dtypes, n, classes)` float32.
        expected: `(n, classes)` float32.
        labels: `(n,)` int64, of an export that may differ; `None` if it may not.
    """
    if labels is None:
        difference = max(compare_probabilities(found, expected) for found in exported)
        return f"the same classes, and probabilities that differ by {difference:.1g} at most."
    shares = [100 * np.mean(rows.argmax(axis=1) == labels) for rows in (exported[0], expected)]
    return f"with 8-bit integers {shares[0]:.1f} % right, without {shares[1]:.1f} %."


def _sample_images(trained: TrainedClassifier) -> tuple[Images, Images]:
    """Return training images to calibrate with and test images to compare on, of all classes."""
    data = trained.config.data_config
    named = data.dataset
    if named.name != trained.data_name:  # The run was trained on the fallback.
        named = DatasetConfig(trained.data_name)
    splits = split_dataset(read_dataset(named), data, trained.config.training_config.seed)
    return _thin_out(splits.training, CALIBRATION_IMAGES), _thin_out(splits.test, TEST_IMAGES)


def _thin_out(images: Images, limit: int) -> Images:
    """Return at most `limit` images, evenly spaced in a split that may be sorted by class."""
    positions = np.linspace(0, len(images) - 1, min(limit, len(images))).round().astype(int)
    return replace(images, indices=images.indices[positions])


def _read(images: Images) -> np.ndarray:
    return images.read(np.arange(len(images)))


@contextmanager
def _stage(output: Path) -> Iterator[Path]:
    """Create a folder beside `output` to work in; remove afterwards what is left of it."""
    folder = output.with_name(f".{output.name}.{secrets.token_hex(4)}")
    try:
        folder.mkdir(parents=True)
        yield folder
    except (OSError, tf.errors.OpError) as error:
        reason = (
            error.strerror or str(error)
            if isinstance(error, OSError)
            # TensorFlow puts the operation and the file around it.
            else str(error.message).split("; ")[-1].split(" [Op:")[0]
        )
        raise RunError(f"{output}: cannot be written: {reason}. Nothing was kept.") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
