"""Where MLflow keeps runs: a server, or a local database."""

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import mlflow

from framework.config.reserved_files import TRACKED
from framework.runs.run_directory import RESULTS
from framework.utils.files import read_json, write_json

EXPERIMENT = "transfer-framework"
VARIABLE = "MLFLOW_TRACKING_URI"
DATABASE = RESULTS / "mlflow.db"
ARTIFACTS = RESULTS / "mlflow-artifacts"

# A user's own settings come first. A server that is away should not hold up a training for the
# minutes that seven retries with pauses take.
SETTINGS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}


def prepare_mlflow() -> None:
    """Have MLflow give up early, tell nobody, and log no steps of its own."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    for name in ("alembic", "mlflow", "urllib3"):
        logging.getLogger(name).setLevel(logging.ERROR)


def find_uri(uri: str | None, is_local: bool = False) -> str:
    """Return the URI of the store: a given one, that of the environment, or the local database."""
    if uri is None and not is_local:
        uri = os.environ.get(VARIABLE)
    return uri or _local_uri()


def _local_uri() -> str:
    DATABASE.parent.mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{DATABASE.resolve()}"


def name_store(uri: str) -> str:
    """Return a store's name for people, without a password."""
    parts = urlsplit(uri)
    if parts.scheme == "sqlite":
        return parts.path.removeprefix("/")
    return parts.netloc.rpartition("@")[2] or uri


def read_run_id(directory: Path, uri: str) -> str | None:
    """Return the ID of the run that a directory is recorded as in a store, if it is."""
    path = directory / TRACKED
    known = read_json(path) if path.is_file() else {}
    return known.get("run_id") if known.get("store") == name_store(uri) else None


def write_run_id(directory: Path, uri: str, run_id: str) -> None:
    """Note the run that a directory is recorded as, for when it is resumed; no password."""
    write_json(directory / TRACKED, {"store": name_store(uri), "run_id": run_id})


def find_experiment(client: mlflow.MlflowClient, uri: str, name: str | None) -> str:
    """Return the ID of an experiment, which is made if there is none.

    Args:
        client: Of the store.
        uri: That of the store.
        name: The name of the experiment; by default `EXPERIMENT`.
    """
    name = name or EXPERIMENT
    found = client.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    artifacts = ARTIFACTS.resolve().as_uri() if uri == _local_uri() else None
    return str(client.create_experiment(name, artifacts))


def open_run(
    uri: str, experiment: str | None, run_id: str | None, name: str, tags: Mapping[str, str]
) -> str:
    """Begin a run, or go on with one, and make it the active one.

    Args:
        uri: Of the store.
        experiment: See `find_experiment`.
        run_id: That of the run, if it has begun before.
        name: The name of a new run.
        tags: Those of a new run.

    Returns:
        Its ID.
    """
    given = os.environ.get(VARIABLE)
    mlflow.set_tracking_uri(uri)
    # It has set the variable, too, which would name the store of the next run in this process.
    os.environ.pop(VARIABLE, None)
    if given is not None:
        os.environ[VARIABLE] = given
    if run_id is not None:
        return str(mlflow.start_run(run_id=run_id).info.run_id)
    mlflow.set_experiment(experiment_id=find_experiment(mlflow.MlflowClient(uri), uri, experiment))
    return str(mlflow.start_run(run_name=name, tags=dict(tags)).info.run_id)
