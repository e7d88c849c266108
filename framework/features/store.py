"""The feature store: features on disk, under a hash of everything they are computed from.

A store is a directory with one directory for each entry, named by its key, and
`locks/` with

    <key>.lock               held while an entry is verified, filled or removed
    <key>.<random>.reader    held as long as a run reads an entry

The operating system releases a lock when its process ends. The modification time of
`entry.json` is when an entry was last used.
"""

import hashlib
import json
import logging
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from framework.config.model import FeatureCache
from framework.errors import RunError
from framework.features.store_entry import DESCRIPTION, read_description
from framework.utils.cache_directory import find_cache_directory
from framework.utils.text import format_bytes

logger = logging.getLogger(__name__)

KEY = re.compile(r"[0-9a-f]{64}")
LOCKS = "locks"
REMOVED = "removed"

BYTES_PER_GB = 10**9
# Bytes on the disk that are left for the run's own files and for other programs.
RESERVED_DISK_BYTES = 200 * 10**6
CHANGE_STORE = (
    "Set training_config.feature_cache.directory to a place that can be written, or "
    'training_config.feature_cache.mode to "off".'
)


def compute_key(description: Mapping[str, Any]) -> str:
    """Return SHA-256 of a description's canonical JSON, in hexadecimal."""
    text = json.dumps(description, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def find_directory(settings: FeatureCache) -> Path:
    """Return the store's directory, from the config, the environment, or the system's default."""
    if settings.directory is not None:
        return Path(settings.directory).expanduser()
    return find_cache_directory() / "features"


@dataclass(frozen=True)
class EntryInfo:
    """What is on disk under one key.

    Args:
        directory: Where the files are; its name is the key.
        bytes: What its arrays take on disk.
        last_used: Seconds since the epoch.
    """

    directory: Path
    bytes: int
    last_used: float

    @property
    def key(self) -> str:
        """The key of the entry."""
        return self.directory.name

    @property
    def description(self) -> dict[str, Any]:
        """The contents of `entry.json`; empty if it is missing or damaged."""
        return read_description(self.directory)


def _is_entry(path: Path) -> bool:
    return KEY.fullmatch(path.name) is not None and path.is_dir()


class FeatureStore:
    """Entries of features in a directory, bounded in size.

    Args:
        directory: The store; created if it is missing.
        limit_gb: Gigabytes (10^9 bytes) that all entries may take.

    Raises:
        RunError: The directory cannot be made or written.
    """

    def __init__(self, directory: Path, limit_gb: float) -> None:
        self.directory = directory
        self.limit = int(limit_gb * BYTES_PER_GB)
        self._locks = directory / LOCKS
        self._pins: dict[str, FileLock] = {}
        try:
            self._locks.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(
                f"{directory}: features cannot be stored there: {error.strerror}. {CHANGE_STORE}"
            ) from error

    @contextmanager
    def lock(self, key: str) -> Iterator[None]:
        """Lock an entry against all other processes, and log it when that takes waiting.

        Raises:
            RunError: The store's directory allows no locks.
        """
        lock = FileLock(self._locks / f"{key}.lock")
        if not self._try_acquire(lock):
            logger.info("Another run is computing the same features: waiting for it.")
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def _try_acquire(self, lock: FileLock) -> bool:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return False
        except (OSError, NotImplementedError) as error:
            raise RunError(
                f"{self.directory}: features cannot be locked there: {error}. {CHANGE_STORE}"
            ) from error
        return True

    def pin(self, key: str) -> None:
        """Mark an entry as used now, and protect it from removal while this object lives."""
        if key not in self._pins:
            self._is_pinned(key)  # Removes the files of ended processes.
            reader = FileLock(self._locks / f"{key}.{secrets.token_hex(4)}.reader")
            self._try_acquire(reader)
            self._pins[key] = reader
        os.utime(self.directory / key / DESCRIPTION)

    def list_entries(self) -> list[EntryInfo]:
        """Return all entries, also damaged and outdated ones, the least recently used first."""
        entries = []
        for directory in self.directory.iterdir():
            if not _is_entry(directory):
                continue
            description = directory / DESCRIPTION
            try:
                used = (description if description.exists() else directory).stat().st_mtime
                size = sum(path.stat().st_size for path in directory.glob("*.npy"))
            except FileNotFoundError:
                continue  # It is being removed.
            entries.append(EntryInfo(directory, size, used))
        return sorted(entries, key=lambda entry: entry.last_used)

    def list_foreign_files(self) -> list[Path]:
        """Return what other programs have put into the directory; the store leaves it alone."""
        return sorted(
            path
            for path in self.directory.iterdir()
            if path.name not in (LOCKS, REMOVED) and not _is_entry(path)
        )

    def remove(self, key: str) -> bool:
        """Remove an entry unless a run uses it, and return whether it was removed."""
        lock = FileLock(self._locks / f"{key}.lock")
        if not self._try_acquire(lock):
            return False
        try:
            if self._is_pinned(key):
                return False
            # By rename first, so that no entry is ever there in part. This also deletes what
            # killed processes were removing.
            removed = self.directory / REMOVED
            removed.mkdir(exist_ok=True)
            (self.directory / key).rename(removed / f"{key}.{secrets.token_hex(4)}")
            shutil.rmtree(removed, ignore_errors=True)
            return True
        finally:
            lock.release()

    def _is_pinned(self, key: str) -> bool:
        for path in self._locks.glob(f"{key}.*.reader"):
            reader = FileLock(path)
            if not self._try_acquire(reader):
                return True
            reader.release()
            path.unlink(missing_ok=True)  # Its process has ended.
        return False

    def make_room(self, wanted: Mapping[str, int], missing: int) -> bool:
        """Remove least recently used entries until a run's features fit.

        Args:
            wanted: Keys of the run's entries, with the bytes each takes when complete.
            missing: How many of these bytes are not on the disk yet.

        Returns:
            Whether they fit the limit and the disk.
        """
        others = [entry for entry in self.list_entries() if entry.key not in wanted]
        excess = sum(entry.bytes for entry in others) + sum(wanted.values()) - self.limit
        shortage = missing + RESERVED_DISK_BYTES - shutil.disk_usage(self.directory).free
        to_free = max(excess, shortage)
        if to_free > sum(entry.bytes for entry in others):
            return False
        for entry in others:
            if to_free <= 0:
                break
            if self.remove(entry.key):
                to_free -= entry.bytes
                logger.info(
                    "Removed the least recently used features, %s (%s), to make room.",
                    entry.key[:12],
                    format_bytes(entry.bytes),
                )
        return to_free <= 0
