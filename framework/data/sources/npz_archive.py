"""Data sets in one `.npz` file: `x_train`, `y_train`, `x_test`, `y_test`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from framework.data.source import ArraySource
from framework.errors import RunError
from framework.utils.files import DAMAGED_ARCHIVE

BINARY = "images of only 0 and 1: read as black and white, 0 and 255"
NAMES = ("x_train", "y_train", "x_test", "y_test")


def load_npz(
    path: Path, with_class_names: bool = True
) -> tuple[ArraySource, ArraySource, tuple[str, ...] | None]:
    """Load an `.npz` file, without pickle.

    Args:
        path: The file.
        with_class_names: Whether to read the array `class_names`, a name for each label.

    Returns:
        The training images, the test images, and the class names, if the file has them.

    Raises:
        RunError: The file is no such archive, or its arrays do not fit together.
    """
    arrays = _read_arrays(path, (*NAMES, "class_names") if with_class_names else NAMES)
    train, test = (
        make_source(arrays[f"x_{split}"], arrays[f"y_{split}"], f"{path}: x_{split}", f"y_{split}")
        for split in ("train", "test")
    )
    if train.images.shape[1:] != test.images.shape[1:]:
        raise RunError(
            f"{path}: x_train and x_test hold images of different shapes, "
            f"{train.images.shape[1:]} and {test.images.shape[1:]}."
        )
    if "class_names" not in arrays:
        return train, test, None
    return train, test, _read_class_names(arrays["class_names"], f"{path}: class_names")


def _read_class_names(array: np.ndarray, name: str) -> tuple[str, ...]:
    """Return class names, which may be byte strings and must differ."""
    names: list[str] = []
    for value in array.ravel().tolist():
        try:
            text = (value.decode() if isinstance(value, bytes) else str(value)).strip()
        except UnicodeDecodeError as error:
            raise RunError(f"{name} has a name that is not UTF-8 text: {value!r}.") from error
        if not text:
            raise RunError(f"{name} has an empty name. Expected one for each class.")
        if text in names:
            raise RunError(f"{name} has {text!r} twice. Expected another name for each class.")
        names.append(text)
    return tuple(names)


def scale_binary(
    train: ArraySource, test: ArraySource
) -> tuple[ArraySource, ArraySource, tuple[str, ...]]:
    """Make images of only 0 and 1 black and white, and say so.

    Both splits decide, since a few test images may as well be nearly black.
    """
    if max(train.images.max(), test.images.max()) != 1:
        return train, test, ()
    train, test = (ArraySource(one.images * np.uint8(255), one.labels) for one in (train, test))
    return train, test, (BINARY,)


def _read_arrays(path: Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Read those of the named arrays that an `.npz` file has; it must have all of `NAMES`."""
    try:
        # Opened here, since NumPy leaves a damaged archive open.
        with path.open("rb") as stream:
            archive = np.load(stream, allow_pickle=False)
            if isinstance(archive, np.ndarray):
                raise RunError(
                    f"{path} holds a single array. Expected an archive of {', '.join(NAMES)}."
                )
            missing = [name for name in NAMES if name not in archive]
            if missing:
                raise RunError(
                    f"{path} lacks {', '.join(missing)}. Expected the arrays "
                    f"{', '.join(NAMES)}; found {', '.join(archive.files) or 'none'}."
                )
            return {name: _read_array(archive, name, path) for name in names if name in archive}
    except DAMAGED_ARCHIVE as error:
        raise RunError(
            f"{path} can't be read as an .npz archive: {error}. It may be truncated or damaged; "
            "fetch it again."
        ) from error


def _read_array(archive: Any, name: str, path: Path) -> np.ndarray:
    try:
        array: np.ndarray = archive[name]
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise
        raise RunError(
            f"{path}: {name} holds Python objects, which are not read. Save an array of numbers or "
            "texts: np.stack(images) of images of one shape, np.array(names, dtype=str) of names."
        ) from error
    return array


def make_source(
    images: np.ndarray, labels: np.ndarray, images_name: str, labels_name: str
) -> ArraySource:
    """Check one split, and convert it to the shapes and dtypes of `ArraySource`.

    Images may also be `(n, rows, columns, 1)` and of any dtype, with numbers in [0, 255];
    labels may also be `(n, 1)`, of any integer dtype.

    Raises:
        RunError: The arrays do not fit; the message gives them the names passed.
    """
    if images.ndim == 4 and images.shape[-1] == 1:
        images = images[..., 0]
    if images.ndim not in (3, 4) or (images.ndim == 4 and images.shape[-1] != 3):
        raise RunError(
            f"{images_name} has shape {images.shape}. Expected (n, rows, columns) for gray "
            "or (n, rows, columns, 3) for RGB images."
        )
    if images.size == 0:
        raise RunError(f"{images_name} holds no image: its shape is {images.shape}.")
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.shape != (len(images),):
        raise RunError(
            f"{images_name} holds {len(images)} images, but {labels_name} has shape "
            f"{labels.shape}. Expected one label an image: ({len(images)},)."
        )
    if labels.dtype.kind not in "iu":
        raise RunError(f"{labels_name} has dtype {labels.dtype}. Expected integer labels.")
    return ArraySource(_convert_to_uint8(images, images_name), labels.astype(np.int64))


def _convert_to_uint8(images: np.ndarray, name: str) -> np.ndarray:
    """Round images to uint8, or refuse values that are not pixels in [0, 255]."""
    if images.dtype == np.uint8:
        return images
    if images.dtype.kind not in "iufb":
        raise RunError(f"{name} has dtype {images.dtype}. Expected numbers in 0 to 255.")
    low, high = images.min(), images.max()
    if not (low >= 0 and high <= 255):
        raise RunError(f"{name} holds values from {low} to {high}. Expected 0 to 255.")
    if images.dtype.kind == "f" and high <= 1.0:
        raise RunError(
            f"{name} holds numbers from {low} to {high}: images scaled to [0, 1]. "
            "Expected 0 to 255; multiply by 255."
        )
    rounded: np.ndarray = np.rint(images).astype(np.uint8)
    return rounded
