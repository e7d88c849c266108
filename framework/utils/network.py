"""Manners on the network: no server is waited for without end, none is given up too soon."""

from __future__ import annotations

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

# How long a server may stay silent before it counts as unreachable, in seconds.
SILENCE_LIMIT = 30.0

# Seconds before the second and the third try.
PAUSES = (1.0, 5.0)

# What a server says that may answer otherwise a little later.
PASSING = frozenset(
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
    """Call a function that downloads through Keras, again where that may help.

    Keras removes a file whose download failed, and fetches a file anew whose hash is
    wrong, so that every try begins with a clean slate. An unreachable server is not
    tried again: without a network the answer comes at once. Where another process is
    downloading, it is waited for, and what it has brought is used.

    Args:
        download: Such as `keras.utils.get_file`.
        args: Its arguments.
        kwargs: Its arguments by name.

    Raises:
        DownloadError: It failed for good.
    """
    pauses = iter(PAUSES)
    with _take_turns(), limit_silence():
        while True:
            try:
                return download(*args, **kwargs)
            except Exception as error:  # Keras raises a bare Exception for a failed URL.
                pause = next(pauses, None)
                if pause is None or not may_pass(error):
                    raise DownloadError(describe(error)) from error
                logger.warning("! %s Trying again in %.0f s.", describe(error), pause)
            time.sleep(pause)


def may_pass(error: BaseException) -> bool:
    """Return whether a download failed for a reason that may be gone a moment later.

    A server that was reached and then fell silent, broke off, or sent something else
    than the file may do better. One that has no such file, can't be found or is not
    there won't.
    """
    cause = find_cause(error)
    if isinstance(cause, urllib.error.HTTPError):
        return cause.code in PASSING
    if isinstance(cause, urllib.error.ContentTooShortError):
        return True
    if isinstance(cause, urllib.error.URLError):
        return isinstance(cause.reason, ConnectionResetError | BrokenPipeError)
    # A hash that does not match is the one ValueError among Keras's downloads.
    wrong_hash = isinstance(cause, ValueError) and "hash does not match" in str(cause)
    return wrong_hash or isinstance(
        cause, HTTPException | TimeoutError | ConnectionError | EOFError
    )


def find_cause(error: BaseException) -> BaseException:
    """Return what Keras has wrapped into a bare `Exception`, or the error itself."""
    if type(error) is Exception and error.__context__ is not None:
        return error.__context__
    return error


def describe(error: BaseException) -> str:
    """Return what went wrong, in one line that ends with a full stop."""
    text = " ".join(str(error).split()) or type(error).__name__
    return f"{text.rstrip('.')}."


@contextmanager
def _take_turns() -> Iterator[None]:
    """Let one process at a time download into Keras's cache, where two would write one file."""
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
        pass  # A home that can't be written: Keras reads there, or downloads somewhere else.
    try:
        yield
    finally:
        lock.release()


@contextmanager
def limit_silence() -> Iterator[None]:
    """End downloads of the body that hear nothing for `SILENCE_LIMIT` seconds.

    Keras's own downloads wait for ever; they use sockets with the default limit.
    """
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(SILENCE_LIMIT)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
