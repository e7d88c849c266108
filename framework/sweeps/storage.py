"""The database of a study."""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial
from sqlalchemy.exc import SQLAlchemyError

from framework.errors import RunError, first_sentence

HEARTBEAT_SECONDS = 30
GRACE_SECONDS = 150
"""Without a heartbeat for so long a trial is taken to be dead."""

# Processes that start together all want to make the tables; one succeeds.
_ATTEMPTS = 5
_PAUSE_SECONDS = 0.5

# SQLite has one writer at a time; the others wait.
_SQLITE_SECONDS = 60

# What it says below that the sweep says itself.
optuna.logging.set_verbosity(optuna.logging.ERROR)

Adopt = Callable[[optuna.Study, FrozenTrial], None]


def open_storage(url: str, adopt: Adopt | None) -> RDBStorage:
    """Open a database, and make its tables if need be.

    Args:
        url: As SQLAlchemy takes it.
        adopt: Is told of trials whose machine has fallen silent, which have been marked as
            failed; `None` where nobody listens to heartbeats.

    Raises:
        RunError: The database can't be had.
    """
    sqlite = url.startswith("sqlite")
    make = partial(
        RDBStorage,
        url,
        engine_kwargs={"connect_args": {"timeout": _SQLITE_SECONDS}} if sqlite else None,
        heartbeat_interval=HEARTBEAT_SECONDS if adopt else None,
        grace_period=GRACE_SECONDS if adopt else None,
        heartbeat_stale_trial_callback=adopt,
    )
    for _ in range(_ATTEMPTS - 1):
        with suppress(SQLAlchemyError), accept_experiments():
            return make()
        time.sleep(_PAUSE_SECONDS)
    try:
        with accept_experiments():
            return make()
    except (SQLAlchemyError, RuntimeError, ImportError) as error:
        raise RunError(
            f"sweep_config.storage: the database can't be opened: {first_sentence(error)} "
            "Expected a URL such as postgresql://user@host/name, and its driver installed."
        ) from error


@contextmanager
def accept_experiments() -> Iterator[None]:
    """Let the body use what Optuna calls experimental: heartbeats, since its version 2.9."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        yield


@contextmanager
def send_heartbeats(storage: RDBStorage, trial_id: int) -> Iterator[None]:
    """Tell other machines, while the body runs, that a trial is at work."""
    if storage.get_heartbeat_interval() is None:
        yield
        return
    ended = threading.Event()

    def beat() -> None:
        storage.record_heartbeat(trial_id)
        while not ended.wait(HEARTBEAT_SECONDS):
            storage.record_heartbeat(trial_id)

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
