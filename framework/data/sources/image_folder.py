"""Image files in one folder for each class, read when they are needed."""

import hashlib
import io
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from tqdm import tqdm

from framework.data.dataset import Dataset, DataUnavailableError, hold_out_test
from framework.data.image_files import (
    BITS,
    ENDINGS,
    format_path,
    read_content,
    read_image,
)
from framework.data.source import FolderSource
from framework.errors import RunError
from framework.utils.bounded_map import WORKERS, bounded_map

logger = logging.getLogger(__name__)

# How many of a kind a remark names; the log names all.
NAMED_IN_REMARK = 3

ClassFiles = dict[str, dict[Path, str]]
"""Class name -> image file -> SHA-256 of its bytes, both in order of their names."""


@dataclass
class FolderIssues:
    """What was found in a folder besides usable images.

    Attributes:
        unreadable: Why each image that can't be read is skipped.
        others: Skipped files: without the suffix of an image, hidden, or outside the class
            folders.
        links: Links to folders, which are not followed.
        plain: Images of a single color, which are kept.
        deep: Images whose file has room for more than 8 bits, by the number of bits of their
            values.
    """

    unreadable: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    plain: list[str] = field(default_factory=list)
    deep: dict[int, list[str]] = field(default_factory=dict)

    def add_checked(self, path: Path, plain: bool, bits: int | None) -> None:
        """Note what is special about a usable image; see `check_image`."""
        if plain:
            self.plain.append(format_path(path))
        if bits is not None:
            self.deep.setdefault(bits, []).append(format_path(path))

    def describe(self) -> list[str]:
        """Return one sentence for each kind that was found, and log all of it."""
        kinds = (
            ("skipped", "unreadable picture", self.unreadable),
            ("skipped", "file that is not a picture in a class folder", self.others),
            ("not followed", "link to a folder", self.links),
            ("kept", "picture of a single color", self.plain),
            *(
                (f"scaled to 8 bits from {bits}", "picture in a file of 16 or 32 bits", found)
                for bits, found in sorted(self.deep.items())
            ),
        )
        remarks = []
        for action, kind, found in kinds:
            for item in found:
                logger.debug("%s, %s: %s", kind, action, item)
            if found:
                named = "; ".join(found[:NAMED_IN_REMARK])
                more = "; …" if len(found) > NAMED_IN_REMARK else ""
                remarks.append(f"{kind}, {action}: {len(found):,} ({named}{more})")
        if len(self.deep) > 1:
            remarks.append(
                "each picture is scaled by the bits of its own values, so that the brightness of "
                "those of different bits can't be compared: save all in 8, or in full 16, bits"
            )
        return remarks


def load_folder(path: Path, test_fraction: float | None = None) -> Dataset:
    """Load a data set of class folders, whose names are the class names.

    Every image is read once, to check it; those that can't be read are skipped, and the
    data set's remarks say so. Only paths, labels and digests are kept.

    Args:
        path: Holds `train/<class>/*` and `test/<class>/*`, or `<class>/*` alone.
        test_fraction: Without `test`, the share of the images to test on.

    Raises:
        DataUnavailableError: There is no such folder.
        RunError: It has fewer than two classes, or test classes without training images.
    """
    if not path.is_dir():
        raise DataUnavailableError(f"data_config.dataset.path: there is no folder {path}.")
    issues = FolderIssues()
    root, test_root = _find_roots(path, issues)
    train_files = _find_classes(root, issues)
    test_files = _find_classes(test_root, issues) if test_root else {}
    class_names = _choose_classes(root, train_files, test_files)
    empty = sorted({*train_files, *test_files} - set(class_names))
    remarks = issues.describe()
    remarks += [f"the class folder {name!r} holds no readable picture: left out" for name in empty]
    train = _make_source(train_files, class_names)
    if test_root:
        test = _make_source(test_files, class_names)
    else:
        train, test = hold_out_test(train, test_fraction, str(path), class_names)
    return Dataset("folder", train, test, class_names, str(path), remarks=tuple(remarks))


def _find_roots(path: Path, issues: FolderIssues) -> tuple[Path, Path | None]:
    """Return the folder of the training classes, and that of the test classes or `None`."""
    root, test_root = path / "train", path / "test"
    if not root.is_dir() or not any(child.is_dir() for child in root.iterdir()):
        return path, None
    others = set(path.iterdir()) - {root, test_root}
    issues.others.extend(map(format_path, sorted(others)))
    return root, test_root if test_root.is_dir() else None


def _find_classes(root: Path, issues: FolderIssues) -> ClassFiles:
    """Return the readable images in each class folder."""
    files: list[tuple[str, Path]] = []
    digests: ClassFiles = {}
    for child in sorted(root.iterdir()):
        if child.name.startswith(".") or not child.is_dir():
            issues.others.append(format_path(child))
        elif child.is_symlink() and root.resolve().is_relative_to(child.resolve()):
            issues.links.append(format_path(child))
        else:
            name = _get_class_name(child)
            digests[name] = {}
            files += [(name, path) for path in _find_images(child, issues)]
    results = bounded_map(check_image, [path for _, path in files], 32 * WORKERS)
    with tqdm(
        results, f"checking {root.name}", len(files), unit=" images", leave=False
    ) as progress:
        for (name, path), result in zip(files, progress, strict=True):
            if isinstance(result, RunError):
                issues.unreadable.append(str(result))
                continue
            digests[name][path], plain, bits = result
            issues.add_checked(path, plain, bits)
    return digests


def _get_class_name(folder: Path) -> str:
    """Return the class name of a folder, which must be text."""
    try:
        folder.name.encode("utf-8")
    except UnicodeEncodeError as error:
        raise RunError(
            f"{format_path(folder)}: the name of this class folder is not UTF-8 text: rename it."
        ) from error
    return folder.name


def _find_images(folder: Path, issues: FolderIssues) -> Iterator[Path]:
    """Find the image files, by suffix, in a class folder and its subfolders."""

    def fail(error: OSError) -> None:
        raise error

    for directory, subfolders, names in os.walk(folder, onerror=fail):
        subfolders.sort()
        paths = [Path(directory, name) for name in subfolders]
        issues.links.extend(format_path(path) for path in paths if path.is_symlink())
        for name in sorted(names):
            path = Path(directory, name)
            if path.suffix.lower() in ENDINGS and not name.startswith("."):
                yield path
            else:
                issues.others.append(format_path(path))


def check_image(path: Path) -> tuple[str, bool, int | None] | RunError:
    """Return what is to know of an image file, or what is wrong with it.

    Returns:
        The SHA-256 of its bytes; whether it is of one color; and, if its file has room for more
        than 8 bits, how many its values have.
    """
    try:
        content = read_content(path)
        image = read_image(io.BytesIO(content), format_path(path))
        extrema = np.reshape(image.getextrema(), (-1, 2))
    except RunError as error:
        return error
    plain = bool((extrema[:, 0] == extrema[:, 1]).all())
    return hashlib.sha256(content).hexdigest(), plain, image.info.get(BITS)


def _choose_classes(root: Path, train: ClassFiles, test: ClassFiles) -> tuple[str, ...]:
    """Return the classes that have training images, or refuse data that can't be used."""
    class_names = tuple(name for name, files in train.items() if files)
    untrained = [name for name, files in test.items() if files and name not in class_names]
    if untrained:
        raise RunError(
            f"{root} has no readable picture of {', '.join(map(repr, untrained))}. Expected "
            "training images of every test class."
        )
    if len(class_names) < 2:
        raise RunError(
            f"{root} holds {len(class_names)} class folders with readable pictures. Expected at "
            "least two: train/<class>/*.jpg and test/<class>/*.jpg, or <class>/*.jpg."
        )
    if test and not any(test.values()):
        raise RunError(f"{root.with_name('test')} holds no readable picture.")
    return class_names


def _make_source(classes: ClassFiles, class_names: tuple[str, ...]) -> FolderSource:
    found = [
        (path, label, digest)
        for label, name in enumerate(class_names)
        for path, digest in classes.get(name, {}).items()
    ]
    paths, labels, digests = zip(*found, strict=True)
    return FolderSource(paths, np.array(labels, np.int64), digests)
