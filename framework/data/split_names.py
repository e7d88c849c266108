"""What people call training, validation and test images."""

import re

SYNONYMS = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing"),
}

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W_A-Za-z]+")


def find_split(name: str) -> str | None:
    """Return the split, `train`, `val` or `test`, that a name of any case stands for."""
    folded = name.casefold()
    return next((split for split, names in SYNONYMS.items() if folded in names), None)


def find_affixed_split(name: str) -> tuple[str, str] | None:
    """Find a split in a name of several words, such as `seg_train`, `TestImages` or `trainset`.

    Returns:
        The split, and the name with `*` in its place, which splits of one data set share.
        `None` if none or several of the words are splits.
    """
    found = []
    for word in _WORD.finditer(name):
        stem = re.sub(r"(?i)sets?$", "", word[0])
        if split := find_split(stem):
            end = word.start() + len(stem)
            found.append((split, f"{name[: word.start()]}*{name[end:]}".casefold()))
    return found[0] if len(found) == 1 else None
