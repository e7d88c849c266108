"""Files that are written atomically: they appear whole or not at all."""

import hashlib
import json
import os
import re
import secrets
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from framework.errors import RunError

# The folder that holds the package: of a clone or a source distribution, its root.
SOURCE = Path(__file__).resolve().parents[2]

# The errors that a damaged archive, or an array in it, may raise.
DAMAGED_ARCHIVE = (
    OSError,
    EOFError,
    ValueError,
    KeyError,
    RuntimeError,  # An unknown compression, or an encrypted file.
    zipfile.BadZipFile,
    zlib.error,
)

# The names of `write_atomically`'s temporary files.
_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{8}(\.[^.]*)?")


@contextmanager
def write_atomically(path: Path) -> Iterator[Path]:
    """Let the body write a temporary file, which then becomes `path`.

    The temporary file lies beside `path` and has its suffix, from which Keras and
    Matplotlib derive the format. Until the body has ended and the bytes are on
    the disk, `path` is unchanged; if the body fails, the temporary file is removed.

    Args:
        path: The file to appear, in a directory that exists.

    Yields:
        The path to write to.

    Raises:
        RunError: The file cannot be written (a full disk, no permission, a
            vanished directory): any `OSError` of the body counts as that.
    """
    temporary = path.with_name(f".{path.stem}.{secrets.token_hex(4)}{path.suffix}")
    try:
        yield temporary
        with temporary.open("rb+") as stream:
            os.fsync(stream.fileno())
        os.replace(temporary, path)
        _sync_directory(path.parent)
    except OSError as error:
        reason = error.strerror or str(error)
        raise RunError(
            f"{path}: cannot be written: {reason}. Make room or choose another place "
            "with --output, then start again."
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def remove_temporary_files(directory: Path) -> None:
    """Remove the temporary files of killed processes; no other process may write there."""
    for path in directory.iterdir():
        if _TEMPORARY.fullmatch(path.name):
            path.unlink()


def _sync_directory(directory: Path) -> None:
    """Make the rename itself survive a power cut, if the system supports that."""
    if os.name != "posix":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_text(path: Path, text: str) -> None:
    """Write `text` atomically as UTF-8, with newlines as they are.

    Raises:
        RunError: The file cannot be written.
    """
    with write_atomically(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write `value` atomically as indented strict JSON.

    Raises:
        RunError: The file cannot be written.
        ValueError: `value` holds NaN or an infinity, which JSON lacks.
    """
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        RunError: The file can't be read, or is not an object.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"{path} can't be read: {error}. The run directory is damaged.") from error
    if not isinstance(value, dict):
        raise RunError(f"{path} holds no JSON object. The run directory is damaged.")
    return value


def fingerprint_file(path: Path) -> str:
    """Return SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
