"""Picture files read in batches, those that can't be read told apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from framework.data.image_files import find_image_files, format_path
from framework.errors import RunError

# Also bounds how many pictures are unfolded at a time.
READERS = 2

Outcome = tuple[Path, np.ndarray | RunError]


def list_files(paths: Sequence[Path]) -> list[Path]:
    """List the files that a user names: files as they are, folders with what is in them.

    Raises:
        RunError: A folder holds no picture.
    """
    files: list[Path] = []
    for path in paths:
        if not path.is_dir():
            files.append(path)
            continue
        found = list(find_image_files(path))
        if not found:
            raise RunError(f"There is no picture in {format_path(path)}.")
        files.extend(found)
    return files


def stream_batches(
    files: Sequence[Path], prepare: Callable[[Path], np.ndarray], batch_size: int
) -> Iterator[list[Outcome]]:
    """Read files in batches, each while the one before is being worked on.

    Args:
        files: What to read.
        prepare: Reads one file, and brings it to the network's size.
        batch_size: How many at a time.

    Yields:
        For each file, in order, what `prepare` returned, or why it can't be read.
    """

    def attempt(file: Path) -> Outcome:
        try:
            return file, prepare(file)
        except RunError as error:
            return file, error

    batches = [files[first : first + batch_size] for first in range(0, len(files), batch_size)]
    with ThreadPoolExecutor(READERS) as readers:
        pending = [readers.submit(attempt, file) for file in batches[0]] if batches else []
        for number in range(len(batches)):
            batch = [future.result() for future in pending]
            following = batches[number + 1] if number + 1 < len(batches) else []
            pending = [readers.submit(attempt, file) for file in following]
            yield batch
