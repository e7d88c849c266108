"""Model files that share the blocks of their frozen weights on the disk.

A backbone is most of a `model.keras`, and the same in every run. Where the file system lets files
share blocks (XFS, Btrfs), such a file is laid out so that equal weights lie in equal blocks, and
what an earlier file has is stored once. What is read stays the same, and so does each file when
another one is changed or removed.
"""

import hashlib
import os
import shutil
import struct
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from framework.utils.cache_directory import find_cache_directory

try:
    import fcntl
except ImportError:  # Windows, whose file systems can't.
    fcntl = None  # type: ignore[assignment]

WEIGHTS = "model.weights.h5"
BLOCK = 4096
HEADER_BYTES = 30
"""Of a member of a ZIP archive, without its name and its extra field."""

MAX_RANGE = 16 * 2**20  # XFS takes no more at a time.
MAX_BASES = 4

# From linux/fs.h: `ioctl_ficlone(2)` and `ioctl_fideduperange(2)`.
FICLONE = 0x40049409
FIDEDUPERANGE = 0xC0189436


def share_blocks(path: Path) -> None:
    """Store the weights of a `.keras` file once with those of an earlier file, where that can be.

    Args:
        path: The file; only the order of its members may change.

    Raises:
        OSError: The disk is full.
    """
    if fcntl is None or not _can_share(path.parent):
        return
    _align(path)
    bases = find_cache_directory() / "models"
    offset, size = _locate_weights(path)
    with path.open("rb") as stream:
        stream.seek(offset + 2 * BLOCK)  # Behind what differs with the top.
        key = hashlib.sha256(stream.read(2**20)).hexdigest()[:16]
    base = bases / f"{key}.keras"
    try:
        if base.exists():
            _share(base, path, offset, size)
            return
        bases.mkdir(parents=True, exist_ok=True)
        os.link(path, base)  # It takes no room, as long as the run is kept.
        known = sorted(bases.glob("*.keras"), key=lambda each: each.stat().st_mtime)
        for oldest in known[:-MAX_BASES]:
            oldest.unlink(missing_ok=True)
    except OSError:  # Another file system, a base that has vanished: each file has its own blocks.
        return


def _can_share(directory: Path) -> bool:
    """Return whether files in a directory can share blocks."""
    with (
        tempfile.TemporaryFile(dir=directory) as source,
        tempfile.TemporaryFile(dir=directory) as target,
    ):
        source.write(bytes(BLOCK))
        source.flush()
        try:
            fcntl.ioctl(target.fileno(), FICLONE, source.fileno())
        except OSError:
            return False
    return True


def _align(path: Path) -> None:
    """Write an archive anew, with its weights first and at the beginning of a block."""
    aligned = path.with_suffix(".aligned")
    try:
        with zipfile.ZipFile(path) as old, zipfile.ZipFile(aligned, "w") as new:
            # The sort is stable: the others keep their order.
            for member in sorted(old.infolist(), key=lambda each: each.filename != WEIGHTS):
                entry = zipfile.ZipInfo(member.filename, member.date_time)
                entry.file_size = member.file_size  # Beyond 2 GB a member needs another header.
                if member.filename == WEIGHTS:
                    header = HEADER_BYTES + len(member.filename)
                    padding = BLOCK - header - 4
                    # An extra field that readers skip, as that of Android's zipalign.
                    entry.extra = struct.pack("<HH", 0xD935, padding) + bytes(padding)
                with old.open(member) as source, new.open(entry, "w") as target:
                    shutil.copyfileobj(source, target, 2**20)
        os.replace(aligned, path)
    finally:
        aligned.unlink(missing_ok=True)


def _locate_weights(path: Path) -> tuple[int, int]:
    """Return where the weights begin in an archive, and how many bytes they are."""
    with zipfile.ZipFile(path) as archive, path.open("rb") as stream:
        member = archive.getinfo(WEIGHTS)
        stream.seek(member.header_offset + 26)
        name, extra = struct.unpack("<HH", stream.read(4))
    return member.header_offset + HEADER_BYTES + name + extra, member.file_size


def _share(base: Path, path: Path, offset: int, size: int) -> None:
    """Have the blocks of a file's weights that equal those of another stored once."""
    base_offset, base_size = _locate_weights(base)
    with base.open("rb") as source, path.open("rb+") as target:
        for first, length in _find_equal(base, base_offset, path, offset, min(size, base_size)):
            # The kernel compares once more, and shares only what is equal.
            request = bytearray(
                struct.pack("<QQHHI", base_offset + first, length, 1, 0, 0)
                + struct.pack("<qQQiI", target.fileno(), offset + first, 0, 0, 0)
            )
            fcntl.ioctl(source.fileno(), FIDEDUPERANGE, request)


def _find_equal(
    base: Path, base_offset: int, path: Path, offset: int, size: int
) -> Iterator[tuple[int, int]]:
    """Yield runs of equal blocks: where they begin, and their bytes."""
    blocks = size // BLOCK
    first, second = (
        np.memmap(file, np.uint8, "r", start, (blocks, BLOCK))
        for file, start in ((base, base_offset), (path, offset))
    )
    most = MAX_RANGE // BLOCK
    for start in range(0, blocks, most):
        equal = (first[start : start + most] == second[start : start + most]).all(axis=1)
        # Where runs of equal blocks begin and end.
        changes = np.flatnonzero(np.diff(np.concatenate([[False], equal, [False]])))
        for begin, end in changes.reshape(-1, 2).tolist():
            yield (start + begin) * BLOCK, (end - begin) * BLOCK
