"""Pictures in a folder for each class, read when they are needed."""

from __future__ import annotations

import hashlib
import io
import logging
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from framework.data.dataset import Dataset, DataUnavailableError, hold_out_test
from framework.data.image_files import (
    ENDINGS,
    EncodedImages,
    format_path,
    read_image,
    read_pixels,
)
from framework.errors import RunError
from framework.utils.bounded_map import WORKERS, bounded_map

logger = logging.getLogger(__name__)

# How many of a kind a remark names; the log names all.
NAMED_IN_REMARK = 3


@dataclass(frozen=True)
class FolderSource:
    """Pictures that stay on the disk; only paths, labels and digests are in memory.

    Args:
        paths: The picture files.
        labels: `(n,)` int64.
        digests: SHA-256 of each file's bytes, in hexadecimal.
    """

    paths: tuple[Path, ...]
    labels: np.ndarray
    digests: tuple[str, ...]

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the files' contents and labels, whatever their names."""
        digest = hashlib.sha256(np.ascontiguousarray(self.labels).data)
        digest.update("".join(self.digests).encode())
        return digest.hexdigest()

    def read(self, indices: np.ndarray) -> Iterator[np.ndarray]:
        """Read images, as many at a time as there are cores; see `Source.read`.

        Raises:
            RunError: A file has vanished or changed for the worse since it was checked.
        """
        paths = [self.paths[index] for index in indices]
        with ThreadPoolExecutor(WORKERS) as pool:
            yield from bounded_map(pool, read_pixels, paths)

    def pack(self, indices: np.ndarray) -> EncodedImages:
        """Take pictures along as they lie on the disk; see `Source.pack`.

        Raises:
            RunError: A file has vanished since it was checked.
        """
        paths = [self.paths[index] for index in indices]
        with ThreadPoolExecutor(WORKERS) as pool:
            contents = tuple(pool.map(_read_content, paths))
        return EncodedImages(tuple(map(format_path, paths)), contents)

    def select(self, positions: np.ndarray) -> FolderSource:
        """Return some of the pictures, as a source of their own."""
        return FolderSource(
            tuple(self.paths[position] for position in positions),
            self.labels[positions],
            tuple(self.digests[position] for position in positions),
        )


@dataclass
class FolderIssues:
    """What in a folder a user should know of.

    Attributes:
        unreadable: Why each picture that can't be read is skipped.
        others: Files that are no pictures, going by their endings, hidden ones, and all
            that lies outside the class folders.
        links: Links to folders, which are not followed.
        plain: Pictures of a single color, which are kept.
    """

    unreadable: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    plain: list[str] = field(default_factory=list)

    def describe(self) -> list[str]:
        """Return a sentence for each kind that was found."""
        kinds = (
            ("skipped", "unreadable picture", self.unreadable),
            ("skipped", "file that is no picture in a class folder", self.others),
            ("not followed", "link to a folder", self.links),
            ("kept", "picture of a single color", self.plain),
        )
        remarks = []
        for fate, kind, found in kinds:
            for item in found:
                logger.debug("%s, %s: %s", kind, fate, item)
            if found:
                named = "; ".join(found[:NAMED_IN_REMARK])
                more = "; …" if len(found) > NAMED_IN_REMARK else ""
                remarks.append(f"{kind}, {fate}: {len(found):,} ({named}{more})")
        return remarks


def load_folder(path: Path, test_fraction: float | None = None) -> Dataset:
    """Load a data set of class folders, whose names are the class names.

    Every picture is read once, to know that it can be; what can't is left out and
    told in the data set's remarks. Nothing but paths, labels and digests is kept.

    Args:
        path: Holds `train/<class>/*` and `test/<class>/*`, or `<class>/*` alone.
        test_fraction: Without `test`, the share of the pictures to test on.

    Raises:
        DataUnavailableError: There is no such folder.
        RunError: It holds no two classes, or test classes that nothing is trained on.
    """
    if not path.is_dir():
        raise DataUnavailableError(f"data_config.dataset.path: there is no folder {path}.")
    findings = FolderIssues()
    root, test_root = _find_roots(path, findings)
    train = _find_classes(root, findings)
    test = _find_classes(test_root, findings) if test_root else {}
    class_names, remarks = _choose_classes(root, train, test)
    source = _make_source(train, class_names)
    if test_root:
        test_source = _make_source(test, class_names)
    else:
        kept, held_out = hold_out_test(source.labels, test_fraction, str(path))
        source, test_source = source.select(kept), source.select(held_out)
    remarks = [*findings.describe(), *remarks]
    return Dataset("folder", source, test_source, class_names, str(path), remarks=tuple(remarks))


Pictures = dict[Path, str]
"""Picture file -> SHA-256 of its bytes."""


def _find_roots(path: Path, findings: FolderIssues) -> tuple[Path, Path | None]:
    """Return the folder of the training classes, and that of the test classes or `None`."""
    root, test_root = path / "train", path / "test"
    if not root.is_dir() or not any(child.is_dir() for child in root.iterdir()):
        return path, None
    used = {root, test_root}
    findings.others.extend(
        format_path(child) for child in sorted(path.iterdir()) if child not in used
    )
    return root, test_root if test_root.is_dir() else None


def _find_classes(root: Path, findings: FolderIssues) -> dict[str, Pictures]:
    """Return the readable pictures in each class folder, both in order of their names."""
    files: dict[str, list[Path]] = {}
    for child in sorted(root.iterdir()):
        if child.name.startswith(".") or not child.is_dir():
            findings.others.append(format_path(child))
        elif child.is_symlink() and root.resolve().is_relative_to(child.resolve()):
            findings.links.append(format_path(child))
        else:
            files[_check_name(child)] = list(_find_pictures(child, findings))
    count = sum(map(len, files.values()))
    with (
        tqdm(total=count, desc=f"checking {root.name}", unit=" images", leave=False) as bar,
        ThreadPoolExecutor(WORKERS) as pool,
    ):
        return {name: _check_pictures(paths, pool, findings, bar) for name, paths in files.items()}


def _find_pictures(folder: Path, findings: FolderIssues) -> Iterator[Path]:
    def fail(error: OSError) -> None:
        raise error

    for directory, subfolders, names in os.walk(folder, onerror=fail):
        subfolders.sort()
        links = [name for name in subfolders if Path(directory, name).is_symlink()]
        findings.links.extend(format_path(Path(directory, name)) for name in links)
        for name in sorted(names):
            path = Path(directory, name)
            if path.suffix.lower() in ENDINGS and not name.startswith("."):
                yield path
            else:
                findings.others.append(format_path(path))


def _check_pictures(
    paths: Sequence[Path], pool: ThreadPoolExecutor, findings: FolderIssues, bar: tqdm[Any]
) -> Pictures:
    digests: Pictures = {}
    results = bounded_map(pool, _digest_picture, paths, 32 * WORKERS)
    for path, result in zip(paths, results, strict=True):
        if isinstance(result, RunError):
            findings.unreadable.append(str(result))
        else:
            digests[path], plain = result
            if plain:
                findings.plain.append(format_path(path))
        bar.update()
    return digests


def _read_content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise RunError(f"{format_path(path)}: {error.strerror}.") from error


def _digest_picture(path: Path) -> tuple[str, bool] | RunError:
    """Return an image file's SHA-256 and whether it is of one color, or what is wrong with it."""
    try:
        content = _read_content(path)
        picture = read_image(io.BytesIO(content), format_path(path))
        extrema = np.reshape(picture.getextrema(), (-1, 2))
    except RunError as error:
        return error
    return hashlib.sha256(content).hexdigest(), bool((extrema[:, 0] == extrema[:, 1]).all())


def _choose_classes(
    root: Path, train: dict[str, Pictures], test: dict[str, Pictures]
) -> tuple[tuple[str, ...], list[str]]:
    """Return the classes that can be learned, and warnings about the others."""
    class_names = tuple(name for name, pictures in train.items() if pictures)
    unlearnt = [name for name, pictures in test.items() if pictures and name not in class_names]
    if unlearnt:
        raise RunError(
            f"{root} has no readable picture of {', '.join(map(repr, unlearnt))}, which is "
            "among the test classes: what is tested must have been learnt."
        )
    if len(class_names) < 2:
        raise RunError(
            f"{root} holds {len(class_names)} class folders with readable pictures. Expected at "
            "least two: train/<class>/*.jpg and test/<class>/*.jpg, or <class>/*.jpg."
        )
    empty = sorted({*train, *test} - set(class_names))
    remarks = [f"the class folder {name!r} holds no readable picture: left out" for name in empty]
    if test and not any(test.values()):
        raise RunError(f"{root.with_name('test')} holds no readable picture.")
    return class_names, remarks


def _make_source(pictures: dict[str, Pictures], class_names: tuple[str, ...]) -> FolderSource:
    found = [
        (path, label, digest)
        for label, name in enumerate(class_names)
        for path, digest in pictures.get(name, {}).items()
    ]
    paths, labels, digests = zip(*found, strict=True)
    return FolderSource(paths, np.array(labels, np.int64), digests)


def _check_name(folder: Path) -> str:
    """Return the class name of a folder, which must be text."""
    try:
        folder.name.encode("utf-8")
    except UnicodeEncodeError as error:
        raise RunError(
            f"{format_path(folder)}: the name of this class folder is no UTF-8 text: rename it."
        ) from error
    return folder.name
