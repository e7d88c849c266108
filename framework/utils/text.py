"""Formatting of counts, sizes, durations and long texts for people."""

import re
from collections.abc import Sequence

from tqdm import tqdm

MAX_NAMES = 5
"""How many names a sentence lists."""


def truncate(text: str, width: int, ellipsis: str = "…") -> str:
    """Return `text` in at most `width` characters; what is cut off ends in `ellipsis`."""
    return text if len(text) <= width else text[: width - len(ellipsis)] + ellipsis


def pluralize(count: int, noun: str) -> str:
    """Return a count and its noun: `"1 image"`, `"3,000 images"`, `"2 entries"`."""
    if count == 1:
        return f"1 {noun}"
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{count:,} {plural}"


def natural_key(text: str) -> list[str | int]:
    """Return a key that sorts numbers in texts by their value: `"class 9"` before `"class 10"`."""
    # Texts are at even places, numbers at odd ones, so that only like is compared with like.
    parts = re.split(r"(\d+)", text)
    return [int(part) if place % 2 else part for place, part in enumerate(parts)]


def format_duration(seconds: float) -> str:
    """Return a duration in readable units: `0.42 s`, `12.3 s`, `4 min 05 s`, `2 h 10 min`."""
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def format_bytes(count: int) -> str:
    """Return a number of bytes in readable units, in powers of ten: `"442MB"`."""
    return tqdm.format_sizeof(count, suffix="B")


def name_some(names: Sequence[str]) -> str:
    """Return names as a list of at most `MAX_NAMES`, and how many more there are."""
    rest = len(names) - MAX_NAMES
    return ", ".join(names[:MAX_NAMES]) + (f" and {rest} more" if rest > 0 else "")


def hide_passwords(text: str) -> str:
    """Return a text with what is before the `@` of its URLs hidden: user names and passwords."""
    return re.sub(r"(?<=://)[^/\s]+@", "***@", text)


def shorten(name: str, width: int = 22) -> str:
    """Shorten a name to at most `width` characters by cutting its middle.

    Both ends are kept, because `"aquatic mammal 1"` and `"aquatic mammal 2"` differ at the end.
    """
    name = " ".join(name.split())
    if len(name) <= width:
        return name
    tail = width // 3
    return f"{name[: width - 1 - tail].rstrip()}…{name[-tail:].lstrip()}"
