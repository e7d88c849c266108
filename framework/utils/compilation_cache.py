"""Programs that XLA has compiled, kept for the next process.

Beside the feature store, in a directory for each processor and release of TensorFlow:

    <name that TensorFlow gave>.<SHA-256>    one compiled program

TensorFlow writes such files without a checksum, and runs what is left of a damaged one, which
computes something else. So it is given a directory of its own, with copies of intact files; what
it adds there is kept when the process ends, if it is complete.
"""

import atexit
import hashlib
import logging
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from framework.utils.cache_directory import find_cache_directory
from framework.utils.environment import THREADS_VARIABLE, count_processors, read_processor
from framework.utils.files import write_atomically

logger = logging.getLogger(__name__)

DIRECTORY = "compiled"
LIMIT_BYTES = 32 * 2**20
"""Of a directory; the oldest programs go first. Each takes about 0.3 MB."""

SESSION = "session-"
"""The directory of a process begins with that."""

SESSION_SECONDS = 24 * 3600
"""After that a process has compiled everything, and TensorFlow would make its directory again."""

FLAGS = "TF_XLA_FLAGS"


@contextmanager
def use_compilation_cache() -> Iterator[None]:
    """Have TensorFlow, which the body imports, use the programs of earlier processes.

    Where they can't be read or written, it compiles as always.
    """
    given = os.environ.get(FLAGS)
    directory = None if "persistent_cache" in (given or "") else _prepare_session()
    if directory is not None:
        flag = f"--tf_xla_persistent_cache_directory={directory}"
        os.environ[FLAGS] = " ".join([*(given or "").split(), flag])
    try:
        yield
    finally:  # TensorFlow has read it. It says nothing about the run, nor about other processes.
        if directory is not None:
            os.environ.pop(FLAGS)
            os.environ.update({} if given is None else {FLAGS: given})


def _prepare_session() -> Path | None:
    """Return a directory with all intact programs; what is added is kept when the process ends."""
    store = find_cache_directory() / DIRECTORY / _describe_compiler()
    try:
        store.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(store)
        given = Path(tempfile.mkdtemp(prefix=SESSION, dir=store))
        for path, name in _list_intact(store):
            shutil.copy(path, given / name)
    except OSError as error:
        logger.debug("Compiled programs are not kept: %s", error)
        return None
    atexit.register(_keep_programs, given, store)
    return given


def _describe_compiler() -> str:
    """Return a name for everything, besides the program, that decides what XLA makes of it."""
    decisive = [
        version("tensorflow"),
        platform.machine(),
        *read_processor(),
        str(count_processors()),
        *(os.environ.get(name, "") for name in (THREADS_VARIABLE, "XLA_FLAGS", FLAGS)),
    ]
    return hashlib.sha256("\n".join(decisive).encode()).hexdigest()[:16]


def _remove_leftovers(store: Path) -> None:
    """Remove the directories of processes that were killed."""
    for path in store.glob(f"{SESSION}*"):
        if time.time() - path.stat().st_mtime > SESSION_SECONDS:
            shutil.rmtree(path, ignore_errors=True)


def _list_intact(store: Path) -> Iterator[tuple[Path, str]]:
    """Yield the programs whose checksum is right, with TensorFlow's names; remove the others."""
    for path in store.glob("[!.]*.pb.*"):  # Those with a dot are being written.
        name, _, digest = path.name.rpartition(".")
        if hashlib.sha256(path.read_bytes()).hexdigest() == digest:
            yield path, name
        else:
            path.unlink()


def _keep_programs(given: Path, store: Path) -> None:
    """Move complete programs that TensorFlow has added into the store, within its limit."""
    from google.protobuf.empty_pb2 import Empty
    from google.protobuf.message import DecodeError

    try:
        kept = {name for _, name in _list_intact(store)}
        for path in given.glob("*.pb"):
            content = path.read_bytes()
            if path.name in kept:
                continue
            try:
                Empty().ParseFromString(content)  # Any message: it fails where one is cut off.
            except DecodeError:
                continue
            digest = hashlib.sha256(content).hexdigest()
            with write_atomically(store / f"{path.name}.{digest}") as temporary:
                temporary.write_bytes(content)
        files = sorted(store.glob("*.pb.*"), key=lambda path: path.stat().st_mtime, reverse=True)
        total = 0
        for path in files:
            total += path.stat().st_size
            if total > LIMIT_BYTES:
                path.unlink(missing_ok=True)
    except Exception as error:  # At the end of a process whose work is done.
        logger.debug("Compiled programs are not kept: %s", error)
    finally:
        shutil.rmtree(given, ignore_errors=True)
