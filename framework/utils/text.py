"""Counts, sizes and durations as people read them, and texts cut to a width."""

from __future__ import annotations

from tqdm import tqdm


def truncate(text: str, width: int, ellipsis: str = "…") -> str:
    """Return `text` in at most `width` characters; what is cut off ends in `ellipsis`."""
    return text if len(text) <= width else text[: width - len(ellipsis)] + ellipsis


def pluralize(count: int, noun: str) -> str:
    """Return a count and its noun: `"1 image"`, `"3,000 images"`, `"2 entries"`."""
    if count == 1:
        return f"1 {noun}"
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{count:,} {plural}"


def format_duration(seconds: float) -> str:
    """Return a duration as people say it: `0.42 s`, `12.3 s`, `4 min 05 s`, `2 h 10 min`."""
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def format_bytes(count: int) -> str:
    """Return bytes as people read them: `"442MB"`, in powers of ten."""
    return tqdm.format_sizeof(count, suffix="B")
