"""Exports: a classifier for programs that know nothing of this package."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import tensorflow as tf

from framework.config.model import DatasetConfig
from framework.data.images import Images
from framework.data.registry import read_dataset
from framework.data.splits import split_dataset
from framework.errors import RunError, UsageError
from framework.inference.export.formats import FORMATS, Dtype, Format, write_quantized
from framework.inference.export.readme import describe_export
from framework.inference.export.verification import compare_answers, run_export
from framework.inference.trained_classifier import TrainedClassifier
from framework.utils.files import write_json, write_text
from framework.utils.optional_dependencies import require_packages

TEST_IMAGES = 500
# TensorFlow's guide to post-training quantization asks for 100 to 500.
CALIBRATION_IMAGES = 200


@dataclass(frozen=True)
class Export:
    """A finished export.

    Args:
        path: Where it lies.
        comparison: How it compares with the classifier on test images, in a sentence.
    """

    path: Path
    comparison: str


def check_packages(name: str) -> None:
    """Make sure that what a format needs is installed.

    Raises:
        RunError: Something is missing.
    """
    require_packages(f"Exporting to {name}", FORMATS[name].packages, "export")


def export_classifier(
    trained: TrainedClassifier,
    name: str,
    output: Path | None = None,
    quantize: bool = False,
    dtype: Dtype = "float32",
) -> Export:
    """Export a classifier, and compare the export with it on test images.

    Args:
        trained: The classifier.
        name: A key of `FORMATS`.
        output: The folder to make, by default `export_<format>` in the run directory; or
            a file with the format's ending, beside which class names and read-me lie then.
        quantize: Whether LiteRT computes with 8-bit integers, which costs accuracy.
        dtype: Of the images, where a format takes one dtype only.

    Raises:
        UsageError: `output` is there already.
        RunError: A package or the test images are missing, or the export does not give
            the classifier's answers. Nothing is left behind then.
    """
    check_packages(name)
    form = FORMATS[name]
    dtypes = form.list_dtypes(dtype)
    output = output or trained.run / _name_export(name, quantize, dtypes)
    if output.exists():
        raise UsageError(f"--output: {output} is there already. Name another place.")
    training, test = _choose_images(trained)
    with _stage(output) as folder:
        model = folder / form.file_name
        if quantize:
            write_quantized(trained, model, dtype, _read(training))
        else:
            form.write(trained, model, dtype)
        comparison = _compare(trained, form, folder, test, quantize, dtypes)
        _publish(trained, form, folder, output, len(test), comparison, dtypes)
    return Export(output, comparison)


def _name_export(name: str, quantize: bool, dtypes: Sequence[Dtype]) -> str:
    """Return the folder of an export; what is not the default is said in its name."""
    parts = ["export", name, *(["int8"] if quantize else [])]
    return "_".join([*parts, *([] if "float32" in dtypes else dtypes)])


def _choose_images(trained: TrainedClassifier) -> tuple[Images, Images]:
    """Training images to calibrate with, and test images to compare on, of all classes."""
    data = trained.config.data_config
    named = data.dataset
    if named.name != trained.data_name:  # Another one stood in for it when it was trained.
        named = DatasetConfig(trained.data_name)
    splits = split_dataset(read_dataset(named), data, trained.config.training_config.seed)
    return (
        _spread(splits.training, CALIBRATION_IMAGES),
        _spread(splits.test, TEST_IMAGES),
    )


def _spread(images: Images, limit: int) -> Images:
    """At most `limit` images from all over a split, which may be sorted by class."""
    positions = np.linspace(0, len(images) - 1, min(limit, len(images))).round().astype(int)
    return replace(images, indices=images.indices[positions])


def _read(images: Images) -> np.ndarray:
    return images.read(np.arange(len(images)))


def _compare(
    trained: TrainedClassifier,
    form: Format,
    folder: Path,
    test: Images,
    quantized: bool,
    dtypes: Sequence[Dtype],
) -> str:
    images = _read(test)
    exported = run_export(form, folder, images, dtypes)
    original = trained.classifier.model.predict(images, verbose=0)
    if not quantized:
        difference = max(compare_answers(answers, original) for answers in exported)
        return f"the same classes, and probabilities that differ by {difference:.1g} at most."
    shares = [100 * np.mean(rows.argmax(axis=1) == test.labels) for rows in (exported[0], original)]
    return f"with 8-bit integers {shares[0]:.1f} % right, without {shares[1]:.1f} %."


def _publish(
    trained: TrainedClassifier,
    form: Format,
    folder: Path,
    output: Path,
    images: int,
    comparison: str,
    dtypes: Sequence[Dtype],
) -> None:
    """Add class names and read-me, and move everything to where it was wanted."""
    lone_file = output.suffix and output.suffix == Path(form.file_name).suffix
    prefix = f"{output.stem}." if lone_file else ""
    model_file = output.name if lone_file else form.file_name
    names_file = f"{prefix}class_names.json"
    readme_file = f"{prefix}README.md"
    write_json(folder / names_file, {"class_names": list(trained.class_names)})
    page = describe_export(trained, form, model_file, names_file, images, comparison, dtypes)
    write_text(folder / readme_file, page)
    if not lone_file:
        os.replace(folder, output)
        return
    for name in (names_file, readme_file):
        os.replace(folder / name, output.with_name(name))
    os.replace(folder / form.file_name, output)


@contextmanager
def _stage(output: Path) -> Iterator[Path]:
    """Return a folder beside `output` to work in; what is still there afterwards is removed."""
    folder = output.with_name(f".{output.name}.{secrets.token_hex(4)}")
    try:
        folder.mkdir(parents=True)
        yield folder
    except (OSError, tf.errors.OpError) as error:
        raise RunError(
            f"{output}: cannot be written: {_find_reason(error)}. Nothing was kept."
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _find_reason(error: OSError | tf.errors.OpError) -> str:
    """Return what the system said; TensorFlow puts the operation and the file around it."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return str(error.message).split("; ")[-1].split(" [Op:")[0]
