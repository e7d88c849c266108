"""Which folders of a data set are splits, and which files of a split belong to which class."""

import os
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from framework.data.image_files import (
    find_image_files,
    format_path,
    is_hidden,
    is_image_name,
)
from framework.data.sources.folder_issues import FolderIssues
from framework.data.split_names import SYNONYMS, find_affixed_split, find_split
from framework.errors import RunError
from framework.utils.text import natural_key

UNDERSTOOD = (
    "Understood are train (training), val (valid, validation, dev) and test (testing), in any case "
    "and with a common prefix or suffix, such as seg_train and seg_test"
)

# `cat.0`, `cat_001`, `cat-1`, `cat (1)` and `cat1` are images of `cat`.
_NUMBERED = re.compile(r"(.*[^\W\d_].*?)[\s._-]*\(?\d+\)?")


Group = dict[str, list[Path]]
"""Split -> the folders that are called after it, all with the same prefix and suffix."""


@dataclass
class SplitFiles:
    """The image files of a split, not yet read.

    Args:
        folder: Where they are.
        classes: Class name -> its files, both in natural order; empty without class folders.
        loose: Files in no class folder.
    """

    folder: Path
    classes: dict[str, list[Path]] = field(default_factory=dict)
    loose: list[Path] = field(default_factory=list)

    def name_classes_by_file(self, among: Collection[str] | None = None) -> bool:
        """Take the classes from the names of loose files, such as `cat.0.jpg`, if all have one.

        Args:
            among: The names that are classes; by default, those of at least two files each, unless
                they are splits.

        Returns:
            Whether there are class names now.
        """
        found = defaultdict(list)
        for path in self.loose:
            match = _NUMBERED.fullmatch(path.stem)
            found[match[1] if match else ""].append(path)
        if among is None:
            are_splits = any(map(find_split, found)) or all(map(find_affixed_split, found))
            usable = len(found) > 1 and all(len(paths) > 1 for paths in found.values())
            usable = usable and not are_splits
        else:
            usable = bool(found) and found.keys() <= set(among)
        if not usable or "" in found:
            return False
        self.classes = {name: found[name] for name in sorted(found, key=natural_key)}
        self.loose = []
        return True


def find_splits(path: Path, issues: FolderIssues) -> dict[str, Path]:
    """Find the folders of the splits `train`, `val` and `test`.

    Returns:
        Split -> folder, `train` first: `path` itself, if no folder is a split.

    Raises:
        RunError: Folders look like splits, but can't be used as such.
    """
    folders = _list_folders(path)
    groups: dict[str, Group] = defaultdict(lambda: defaultdict(list))
    for folder in folders:
        if found := find_affixed_split(folder.name):
            split, affix = found
            groups[affix][split].append(folder)
    named = [folder for group in groups.values() for same in group.values() for folder in same]
    for affix in sorted(groups, key=lambda affix: (affix != "*", affix)):
        group = groups[affix]
        if "train" not in group or (affix != "*" and len(group) < 2):
            continue
        if twice := next((same for same in group.values() if len(same) > 1), None):
            raise _refuse(path, twice, "are the same split")
        splits = _complete(group, groups.values())
        others = [folder for folder in folders if folder not in splits.values()]
        if not _list_folders(splits["train"]) and any(map(_holds_images, others)):
            raise _refuse(path, [*splits.values(), *others], "are splits and classes side by side")
        unused = set(path.iterdir()) - set(splits.values())
        issues.others.extend(map(format_path, sorted(unused)))
        splits = {split: _unwrap(folder, split) for split, folder in splits.items()}
        for folder in splits.values():
            if (inner := _list_folders(folder)) and all(find_split(each.name) for each in inner):
                raise _refuse(folder, inner, "are splits in a split")
        return splits
    if named and (len(named) == len(folders) or "*" in groups):
        raise _refuse(path, folders, "can't be used as splits, nor be told from classes")
    return {"train": path}


def _complete(group: Group, groups: Iterable[Group]) -> dict[str, Path]:
    """Return the splits of a group, with those that have only one folder in all groups.

    So `test1` is the test split of `train`.
    """
    splits = {}
    for split in SYNONYMS:
        anywhere = [folder for each in groups for folder in each.get(split, ())]
        if split in group or len(anywhere) == 1:
            splits[split] = group.get(split, anywhere)[0]
    return splits


def _refuse(path: Path, folders: Sequence[Path], problem: str) -> RunError:
    names = ", ".join(repr(format_path(Path(folder.name))) for folder in folders[:5])
    more = ", …" if len(folders) > 5 else ""
    return RunError(
        f"{path}: the folders {names}{more} {problem}. {UNDERSTOOD}; train is required. If they "
        f"are classes, put all class folders into {path / 'train'}."
    )


def _unwrap(folder: Path, split: str) -> Path:
    """Return the folder of the same split in a split, such as `seg_train/seg_train`."""
    inner = _list_folders(folder)
    if len(inner) == 1 and (found := find_affixed_split(inner[0].name)) and found[0] == split:
        return inner[0]
    return folder


def _list_folders(path: Path) -> list[Path]:
    return [
        child
        for child in sorted(path.iterdir())
        if child.is_dir() and not is_hidden(child.name) and not _leads_back(child)
    ]


def _leads_back(folder: Path) -> bool:
    """Return whether a folder is a link to one that holds it."""
    return folder.is_symlink() and folder.parent.resolve().is_relative_to(folder.resolve())


def _holds_images(folder: Path) -> bool:
    return next(find_image_files(folder), None) is not None


def list_files(folder: Path, issues: FolderIssues) -> SplitFiles:
    """List the image files, by suffix, of a split.

    Raises:
        RunError: The name of a class folder is not text.
    """
    files = SplitFiles(folder)
    for child in sorted(folder.iterdir(), key=_sort_key):
        if not child.is_dir():
            _add(child, files.loose.append, issues)
        elif is_hidden(child.name):
            issues.others.append(format_path(child))
        elif _leads_back(child):
            issues.links.append(format_path(child))
        else:
            files.classes[_get_class_name(child)] = list(_walk(child, issues))
    if any(files.classes.values()):
        issues.others.extend(map(format_path, files.loose))
        files.loose = []
    return files


def _sort_key(path: Path) -> list[str | int]:
    return natural_key(path.name)


def _get_class_name(folder: Path) -> str:
    """Return the class name of a folder, which must be text."""
    try:
        folder.name.encode("utf-8")
    except UnicodeEncodeError as error:
        raise RunError(
            f"{format_path(folder)}: the name of this class folder is not UTF-8 text: rename it."
        ) from error
    return folder.name


def _walk(folder: Path, issues: FolderIssues) -> Iterator[Path]:
    """Yield the image files in a class folder and its subfolders."""

    def fail(error: OSError) -> None:
        raise error

    for directory, subfolders, names in os.walk(folder, onerror=fail):
        hidden = [name for name in subfolders if is_hidden(name)]
        issues.others.extend(format_path(Path(directory, name)) for name in hidden)
        subfolders[:] = sorted(set(subfolders) - set(hidden))
        paths = [Path(directory, name) for name in subfolders]
        issues.links.extend(format_path(path) for path in paths if path.is_symlink())
        found: list[Path] = []
        for name in sorted(names):
            _add(Path(directory, name), found.append, issues)
        yield from found


def _add(path: Path, use: Callable[[Path], None], issues: FolderIssues) -> None:
    """Use an image file; note any other."""
    if is_image_name(path.name):
        use(path)
    else:
        issues.others.append(format_path(path))
