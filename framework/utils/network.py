"""Downloads through Keras with a timeout and retries."""

import logging
import os
import socket
import time
import urllib.error
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from typing import ParamSpec, TypeVar

from filelock import FileLock, Timeout

from framework.errors import RunError

logger = logging.getLogger(__name__)

# How long a server may send nothing before it counts as unreachable.
TIMEOUT_SECONDS = 30.0

# Seconds before the second and the third attempt.
RETRY_DELAYS = (1.0, 5.0)

# Errors of a server that may be gone a little later.
TRANSIENT_STATUSES = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_EARLY,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class DownloadError(RunError):
    """Something could not be downloaded; the message says why, in one line."""


def fetch(
    download: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
) -> Result:
    """Call a function that downloads through Keras, and retry if that may help.

    Keras removes a file whose download failed, and downloads a file again whose hash is
    wrong, so that every attempt starts afresh. An unreachable server is not tried again:
    without a network the error comes at once. If another process is downloading, its
    end is awaited and its file used.

    Args:
        download: Such as `keras.utils.get_file`.
        args: Its arguments.
        kwargs: Its arguments by name.

    Raises:
        DownloadError: The last attempt failed.
    """
    delays = iter(RETRY_DELAYS)
    with _lock_downloads(), _limit_socket_time():
        while True:
            try:
                return download(*args, **kwargs)
            except Exception as error:  # Keras raises a bare Exception for a failed URL.
                delay = next(delays, None)
                if delay is None or not is_transient(error):
                    raise DownloadError(_describe(error)) from error
                logger.warning("! %s Trying again in %.0f s.", _describe(error), delay)
            time.sleep(delay)


def is_transient(error: BaseException) -> bool:
    """Return whether a download failed for a reason that may be gone a moment later.

    That is a server that was reached and then sent nothing, broke off, or sent something
    else than the file; but not one that has no such file, or can't be found or reached.
    """
    # Keras wraps errors into a bare `Exception`.
    wrapped = type(error) is Exception and error.__context__ is not None
    cause = error.__context__ if wrapped else error
    if isinstance(cause, urllib.error.HTTPError):
        return cause.code in TRANSIENT_STATUSES
    if isinstance(cause, urllib.error.ContentTooShortError):
        return True
    if isinstance(cause, urllib.error.URLError):
        return isinstance(cause.reason, ConnectionResetError | BrokenPipeError)
    # A hash that does not match is the one ValueError among Keras's downloads.
    wrong_hash = isinstance(cause, ValueError) and "hash does not match" in str(cause)
    return wrong_hash or isinstance(
        cause, HTTPException | TimeoutError | ConnectionError | EOFError
    )


def _describe(error: BaseException) -> str:
    """Return what went wrong, in one line that ends with a full stop."""
    text = " ".join(str(error).split()) or type(error).__name__
    return f"{text.rstrip('.')}."


@contextmanager
def _lock_downloads() -> Iterator[None]:
    """Let one process at a time download into Keras's cache."""
    home = Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser()
    lock = FileLock(home / "transfer-framework.lock")
    try:
        home.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            logger.info("Another run is downloading: waiting for it.")
            lock.acquire()
    except (OSError, NotImplementedError):
        pass  # Not writable: Keras only reads there, or downloads elsewhere.
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _limit_socket_time() -> Iterator[None]:
    """Give the body's sockets a timeout, which Keras's own downloads lack."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT_SECONDS)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
