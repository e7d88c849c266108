"""Data sets in one `.npz` file: `x_train`, `y_train`, `x_test`, `y_test`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from framework.errors import RunError
from framework.utils.files import DAMAGED_ARCHIVE

NAMES = ("x_train", "y_train", "x_test", "y_test")

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def read_archive(path: Path) -> Arrays:
    """Read and check the four arrays of an `.npz` file, never through pickle.

    Returns:
        `x_train`, `y_train`, `x_test`, `y_test`: images uint8 `(n, rows, columns)` or
        `(n, rows, columns, 3)`, labels int64 `(n,)`.

    Raises:
        RunError: The file is no such archive, or its arrays do not fit together.
    """
    with _open_archive(path) as loaded:
        if isinstance(loaded, np.ndarray):
            raise RunError(
                f"{path} holds a single array. Expected an archive of {', '.join(NAMES)}."
            )
        missing = [name for name in NAMES if name not in loaded]
        if missing:
            raise RunError(
                f"{path} lacks {', '.join(missing)}. Expected the arrays "
                f"{', '.join(NAMES)}; found {', '.join(loaded.files) or 'none'}."
            )
        arrays = [loaded[name] for name in NAMES]
    for split in ("train", "test"):
        start = 0 if split == "train" else 2
        arrays[start], arrays[start + 1] = check_split(
            arrays[start], arrays[start + 1], f"{path}: x_{split}", f"y_{split}"
        )
    if arrays[0].shape[1:] != arrays[2].shape[1:]:
        raise RunError(
            f"{path}: x_train and x_test hold images of different shapes, "
            f"{arrays[0].shape[1:]} and {arrays[2].shape[1:]}."
        )
    return arrays[0], arrays[1], arrays[2], arrays[3]


@contextmanager
def _open_archive(path: Path) -> Iterator[np.lib.npyio.NpzFile | np.ndarray]:
    """Open a file of NumPy's, and tell in our words what is raised over damaged bytes."""
    try:
        # Opened here, since NumPy leaves a damaged archive open.
        with path.open("rb") as stream:
            yield np.load(stream, allow_pickle=False)
    except DAMAGED_ARCHIVE as error:
        raise RunError(
            f"{path} can't be read as an .npz archive: {error}. It may be truncated or damaged; "
            "fetch it again."
        ) from error


def read_class_names(path: Path) -> tuple[str, ...] | None:
    """Return the array `class_names` of an archive, if it has one: a name for each label."""
    with _open_archive(path) as archive:
        if isinstance(archive, np.ndarray) or "class_names" not in archive:
            return None
        return tuple(str(name) for name in archive["class_names"].ravel().tolist())


def check_split(
    images: np.ndarray, labels: np.ndarray, images_name: str, labels_name: str
) -> tuple[np.ndarray, np.ndarray]:
    """Bring one split to the shapes and dtypes of `read_archive`, or say why not."""
    if images.ndim == 4 and images.shape[-1] == 1:
        images = images[..., 0]
    if images.ndim not in (3, 4) or (images.ndim == 4 and images.shape[-1] != 3):
        raise RunError(
            f"{images_name} has shape {images.shape}. Expected (n, rows, columns) for gray "
            "or (n, rows, columns, 3) for RGB images."
        )
    if len(images) == 0 or 0 in images.shape:
        raise RunError(f"{images_name} holds no image: its shape is {images.shape}.")
    if images.dtype != np.uint8:
        images = _as_bytes(images, images_name)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.shape != (len(images),):
        raise RunError(
            f"{images_name} holds {len(images)} images, but {labels_name} has shape "
            f"{labels.shape}. Expected one label an image: ({len(images)},)."
        )
    if labels.dtype.kind not in "iu":
        raise RunError(f"{labels_name} has dtype {labels.dtype}. Expected integer labels.")
    return images, labels.astype(np.int64)


def _as_bytes(images: np.ndarray, name: str) -> np.ndarray:
    if images.dtype.kind not in "iuf":
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
