"""List, verify and clear the stored features; each function returns what `run.py cache` prints."""

from datetime import datetime

from framework.features.store import EntryInfo, FeatureStore
from framework.features.store_entry import remove_damaged
from framework.utils.tables import ConsoleText, TextTable
from framework.utils.text import format_bytes, pluralize

DAMAGED = "(entry.json is missing or damaged)"
OUTDATED = "(of another version)"


def list_cache(store: FeatureStore) -> str:
    """Return a table of the entries, the most recently used first."""
    entries = store.list_entries()[::-1]
    total = sum(entry.bytes for entry in entries)
    title = f"{store.directory}: {pluralize(len(entries), 'entry')}, {format_bytes(total)}"
    lines: list[str | TextTable] = [title]
    rows = [("key", "last used", "size", "data set", "images", "view", "backbone", "layers")]
    for entry in entries:
        used = datetime.fromtimestamp(entry.last_used)
        size = format_bytes(entry.bytes)
        rows.append((entry.key[:12], f"{used:%Y-%m-%d %H:%M}", size, *_describe(entry)))
    if entries:
        lines.append(TextTable(rows, right=(2, 4, 5), longest_line=None, indent=2))
    return ConsoleText(*lines, *_name_foreign_files(store), separator="\n")


def verify_cache(store: FeatureStore) -> tuple[str, bool]:
    """Read every stored byte and remove what does not match its checksum.

    Returns:
        The report, and whether nothing was damaged; outdated entries and foreign files are
        reported, but are no damage.
    """
    damaged = []
    entries = store.list_entries()
    for entry in entries:
        with store.lock(entry.key):
            damaged.extend(remove_damaged(entry.directory))
    if damaged:
        lines = [f"{store.directory}: {pluralize(len(entries), 'entry')}; damaged, and removed:"]
        lines.extend(f"  {path.relative_to(store.directory)}" for path in damaged)
        lines.append("The next run that needs them computes them again.")
    else:
        lines = [f"{store.directory}: {pluralize(len(entries), 'entry')}, all intact."]
    for entry in entries:
        if _describe(entry)[-1] == OUTDATED:
            lines.append(f"  {entry.key[:12]}  {OUTDATED}: no run of this version reads it")
    lines.extend(_name_foreign_files(store))
    return "\n".join(lines), not damaged


def clear_cache(store: FeatureStore) -> str:
    """Remove all entries that no run is using."""
    entries = store.list_entries()
    removed = [entry for entry in entries if store.remove(entry.key)]
    freed = format_bytes(sum(entry.bytes for entry in removed))
    line = f"{store.directory}: removed {pluralize(len(removed), 'entry')}, {freed}."
    kept = len(entries) - len(removed)
    lines = [line if kept == 0 else f"{line} Kept, because a run uses them: {kept}."]
    return "\n".join(lines + _name_foreign_files(store))


def _describe(entry: EntryInfo) -> tuple[str, str, str, str, str]:
    """Return data set, number of images, view, backbone, layers, or what is wrong with it."""
    match description := entry.description:
        case {"images": int(images), "pixels": {"view": int(view)}, "layers": [*layers]}:
            # Older entries do not name them.
            data, backbone = (str(description.get(key) or "?") for key in ("data", "backbone"))
            return data, str(images), str(view), backbone, ", ".join(map(str, layers))
        case empty if not empty:
            return "?", "?", "?", "?", DAMAGED
    return "?", "?", "?", "?", OUTDATED


def _name_foreign_files(store: FeatureStore) -> list[str]:
    names = [path.name for path in store.list_foreign_files()]
    return [f"  {name}  is not an entry and is left alone" for name in names]
