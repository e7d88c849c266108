"""The database of a study."""

import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback
from sqlalchemy.exc import SQLAlchemyError

from framework.errors import RunError, first_sentence

HEARTBEAT_SECONDS = 30
GRACE_SECONDS = 150
"""A trial without a heartbeat for this long is stale: another machine restarts it."""

# Processes that start together all want to create the tables; one succeeds.
_ATTEMPTS = 5
_PAUSE_SECONDS = 0.5

# SQLite has one writer at a time; the others wait.
_SQLITE_TIMEOUT_SECONDS = 60

# The sweep itself logs what Optuna logs below this level.
optuna.logging.set_verbosity(optuna.logging.ERROR)


def open_storage(url: str, is_shared: bool) -> RDBStorage:
    """Open a database, and create its tables if need be.

    Args:
        url: In SQLAlchemy's form.
        is_shared: Whether machines that can't see each other's locks work on it: heartbeats
            then tell which trials are running, and stale ones are queued again.

    Raises:
        RunError: The database can't be opened.
    """
    options = {"connect_args": {"timeout": _SQLITE_TIMEOUT_SECONDS}}
    attempts = 0
    while True:
        try:
            with allow_experimental():
                return RDBStorage(
                    url,
                    engine_kwargs=options if url.startswith("sqlite") else None,
                    heartbeat_interval=HEARTBEAT_SECONDS if is_shared else None,
                    grace_period=GRACE_SECONDS if is_shared else None,
                    heartbeat_stale_trial_callback=(
                        RetryHeartbeatStaleTrialCallback() if is_shared else None
                    ),
                )
        except (SQLAlchemyError, RuntimeError, ImportError) as error:
            attempts += 1
            if attempts == _ATTEMPTS or not isinstance(error, SQLAlchemyError):
                raise RunError(
                    "sweep_config.storage: the database can't be opened: "
                    f"{first_sentence(error)} Expected a URL such as postgresql://user@host/name, "
                    "and its driver installed."
                ) from error
        time.sleep(_PAUSE_SECONDS)


@contextmanager
def allow_experimental() -> Iterator[None]:
    """Silence Optuna's warning that heartbeats, which it has had since 2.9, are experimental."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        yield
