"""Image files in batches; a file that can't be read becomes an error in its batch."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from framework.data.image_files import find_image_files, format_path
from framework.errors import RunError

# Also bounds how many images are decoded at full size at a time.
READER_THREADS = 2

T = TypeVar("T")


def list_files(paths: Sequence[Path]) -> list[Path]:
    """List the files among some paths, and the image files in the folders among them.

    Raises:
        RunError: A folder holds no image.
    """
    files: list[Path] = []
    for path in paths:
        found = list(find_image_files(path)) if path.is_dir() else [path]
        if not found:
            raise RunError(f"There is no picture in {format_path(path)}.")
        files.extend(found)
    return files


def stream_batches(
    files: Sequence[Path], prepare: Callable[[Path], T], batch_size: int
) -> Iterator[list[tuple[Path, T | RunError]]]:
    """Read files in batches, each while the batch before is processed.

    Yields:
        For each file, in order, what `prepare` returned or raised.
    """

    def attempt(file: Path) -> tuple[Path, T | RunError]:
        try:
            return file, prepare(file)
        except RunError as error:
            return file, error

    with ThreadPoolExecutor(READER_THREADS) as pool:
        following: Iterator[tuple[Path, T | RunError]] = iter(())
        for first in range(0, len(files) + batch_size, batch_size):
            current = list(following)
            following = pool.map(attempt, files[first : first + batch_size])
            if current:
                yield current
