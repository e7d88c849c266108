"""The record of a sweep in MLflow: a run that has those of its trials below it."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mlflow

from framework.tracking.mlflow_store import (
    find_experiment,
    find_uri,
    name_store,
    prepare_mlflow,
    read_run_id,
    write_run_id,
)

logger = logging.getLogger(__name__)

FILES = ("ranking.csv", "best.json", "comparison.html", "importances.png", "history.png")


@contextmanager
def record_sweep(directory: Path, uri: str | None, experiment: str | None) -> Iterator[str | None]:
    """Record a sweep while the body runs its trials, which name it as their parent.

    Args:
        directory: The sweep's directory, whose results are recorded at the end.
        uri: As `training_config.tracking` names it.
        experiment: Likewise.

    Yields:
        The ID of its run; `None` if the server does not answer.
    """
    prepare_mlflow()
    store = find_uri(uri)
    client = mlflow.MlflowClient(store)
    try:
        run_id = _open(client, directory, store, experiment)
    # MLflow raises what the libraries below it raise: of HTTP, of databases.
    except Exception:
        logger.warning(
            "! The tracking server %s does not answer: the trials are recorded one by one.",
            name_store(store),
        )
        yield None
        return
    status = "KILLED"
    try:
        yield run_id
        status = "FINISHED"
    finally:
        _close(client, directory, run_id, status)


def _open(client: Any, directory: Path, store: str, experiment: str | None) -> str:
    """Begin the run of a sweep, or go on with it."""
    if (run_id := read_run_id(directory, store)) is not None:
        client.update_run(run_id, "RUNNING")
        return run_id
    place = directory.resolve()
    run = client.create_run(
        find_experiment(client, store, experiment), run_name=f"{place.parent.name}/{place.name}"
    )
    write_run_id(directory, store, run.info.run_id)
    return str(run.info.run_id)


def _close(client: Any, directory: Path, run_id: str, status: str) -> None:
    try:
        for name in FILES:
            if (path := directory / name).is_file():
                client.log_artifact(run_id, str(path))
        client.set_terminated(run_id, status)
    except Exception as error:
        logger.warning("! MLflow has not recorded the end of the sweep (%s).", type(error).__name__)
