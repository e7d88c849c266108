"""Image files in one folder for each class, read when they are needed."""

from itertools import chain
from pathlib import Path

import numpy as np
from tqdm import tqdm

from framework.data.dataset import (
    ALL,
    Dataset,
    DataUnavailableError,
    UnlabeledImages,
    hold_out_test,
)
from framework.data.image_files import format_path
from framework.data.source import FolderSource
from framework.data.sources.folder_issues import FolderIssues, check_image
from framework.data.sources.folder_layout import SplitFiles, find_splits, list_files
from framework.errors import RunError
from framework.utils.bounded_map import WORKERS, bounded_map
from framework.utils.text import pluralize

Digests = dict[Path, str]
"""Image file -> SHA-256 of its bytes."""


def load_folder(path: Path, test_fraction: float | None = None) -> Dataset:
    """Load a data set of class folders, whose names are the class names.

    Every image is read once, to check it; those that can't be read are skipped, and the
    data set's remarks say so. Only paths, labels and digests are kept.

    Args:
        path: Holds `train/<class>/*` and, optionally, `val` and `test`, or `<class>/*` alone;
            see `docs/data.md` for other layouts.
        test_fraction: Without labeled test images, the share of the images to test on, or `ALL`.

    Raises:
        DataUnavailableError: There is no such folder.
        RunError: It has fewer than two classes, classes without training images, or folders
            that look like splits and can't be used as such.
    """
    if not path.is_dir():
        raise DataUnavailableError(f"data_config.dataset.path: there is no folder {path}.")
    issues = FolderIssues()
    folders = find_splits(path, issues)
    listed = {split: list_files(folder, issues) for split, folder in folders.items()}
    remarks = _leave_out_empty(listed) + _name_classes_by_file(listed)
    digests = {split: _check_files(files, issues) for split, files in listed.items()}
    try:
        fewest = 1 if test_fraction == ALL else 2
        class_names = _choose_classes(path, listed, digests, fewest)
    except RunError as error:
        if not issues.unreadable:
            raise
        count = pluralize(len(issues.unreadable), "picture")
        raise RunError(f"{error} {count} can't be read: {issues.unreadable[0]}") from error
    remarks += issues.describe()
    remarks += _describe_empty(listed, class_names)
    sources = {
        split: _make_source(path, files, digests[split], class_names)
        for split, files in listed.items()
        if files.classes
    }
    train, test, unlabeled = sources["train"], sources.get("test"), None
    if test is None:
        if "test" in listed:
            unlabeled = _make_unlabeled(path, listed["test"], digests["test"])
        train, test = hold_out_test(train, test_fraction, str(path), class_names)
    return Dataset(
        "folder", train, test, class_names, str(path), sources.get("val"), unlabeled, tuple(remarks)
    )


def _leave_out_empty(listed: dict[str, SplitFiles]) -> list[str]:
    """Remove validation and test folders without image files, and say so."""
    empty = [
        split
        for split, files in listed.items()
        if split != "train" and not files.loose and not any(files.classes.values())
    ]
    return [
        f"{format_path(listed.pop(split).folder)} holds no picture: left out" for split in empty
    ]


def _name_classes_by_file(listed: dict[str, SplitFiles]) -> list[str]:
    """Take classes from file names where a split has no class folders with images, and say so."""
    remarks = []
    names = None
    for files in listed.values():  # `train` is the first.
        if files.loose and files.name_classes_by_file(names):
            first = next(iter(files.classes))
            example = format_path(Path(files.classes[first][0].name))
            remarks.append(
                f"{format_path(files.folder)} has no class folders: the class of an image is the "
                f"beginning of its name, such as {first!r} of {example}"
            )
        names = files.classes if names is None else names
    return remarks


def _check_files(files: SplitFiles, issues: FolderIssues) -> Digests:
    """Read the files of a split, and return those that are usable."""
    paths = [*chain.from_iterable(files.classes.values()), *files.loose]
    digests: Digests = {}
    results = bounded_map(check_image, paths, 32 * WORKERS)
    with tqdm(
        results, f"checking {files.folder.name}", len(paths), unit=" images", leave=False
    ) as progress:
        for path, result in zip(paths, progress, strict=True):
            if isinstance(result, RunError):
                issues.unreadable.append(str(result))
                continue
            digests[path] = result.digest
            issues.add_checked(path, result)
    return digests


def _choose_classes(
    path: Path, listed: dict[str, SplitFiles], digests: dict[str, Digests], fewest: int
) -> tuple[str, ...]:
    """Return the classes that have training images, or refuse data that can't be used."""
    train = listed["train"]
    class_names = tuple(
        name
        for name, paths in train.classes.items()
        if any(found in digests["train"] for found in paths)
    )
    if len(class_names) < fewest:
        raise RunError(_explain_too_few(path, train, class_names))
    for split, files in listed.items():
        if not digests[split]:
            raise RunError(
                f"{format_path(files.folder)} holds no readable picture. Remove the folder to hold "
                "out a share of the training images instead."
            )
        untrained = [
            name
            for name, paths in files.classes.items()
            if name not in class_names and any(found in digests[split] for found in paths)
        ]
        if untrained:
            raise RunError(
                f"{format_path(train.folder)} has no readable picture of "
                f"{', '.join(map(repr, untrained))}. Expected training images of every {split} "
                "class."
            )
    if "val" in listed and not listed["val"].classes:
        raise RunError(
            f"{format_path(listed['val'].folder)} holds no class folders. Expected those of "
            f"{format_path(train.folder)}, or no such folder."
        )
    return class_names


def _explain_too_few(path: Path, train: SplitFiles, class_names: tuple[str, ...]) -> str:
    message = (
        f"{format_path(train.folder)} holds {len(class_names)} class folders with readable "
        "pictures. Expected at least two: train/<class>/*.jpg and test/<class>/*.jpg, or "
        "<class>/*.jpg."
    )
    if train.loose:
        message += (
            f" It holds {pluralize(len(train.loose), 'picture')} in no class folder, whose names "
            "don't begin with the names of two classes, as cat.0.jpg and dog.0.jpg do."
        )
    elif train.folder == path and len(train.classes) == 1:
        (name,) = train.classes
        message += f" If {name!r} holds the class folders, give its path, {path / name}."
    return message


def _describe_empty(listed: dict[str, SplitFiles], class_names: tuple[str, ...]) -> list[str]:
    named = chain.from_iterable(files.classes for files in listed.values())
    empty = sorted(set(named) - set(class_names))
    return [f"the class folder {name!r} holds no readable picture: left out" for name in empty]


def _make_source(
    root: Path, files: SplitFiles, digests: Digests, class_names: tuple[str, ...]
) -> FolderSource:
    found = [
        (path, label, digests[path])
        for label, name in enumerate(class_names)
        for path in files.classes.get(name, ())
        if path in digests
    ]
    paths, labels, contents = zip(*found, strict=True)
    return FolderSource(paths, np.array(labels, np.int64), contents, root)


def _make_unlabeled(root: Path, files: SplitFiles, digests: Digests) -> UnlabeledImages:
    source = FolderSource(
        tuple(digests), np.zeros(len(digests), np.int64), tuple(digests.values()), root
    )
    return UnlabeledImages(
        source,
        tuple(format_path(path.relative_to(files.folder)) for path in digests),
        ("image", "label"),
    )
