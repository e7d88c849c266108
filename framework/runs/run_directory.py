"""Run directories: created, opened, resumed, found; and the model files in them."""

import csv
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path

from filelock import FileLock, Timeout

from framework.config.catalog import IMAGENET
from framework.config.model import Config, ModelConfiguration
from framework.config.reserved_files import (
    CHECKPOINT,
    FOLDS,
    LOCK,
    RANKING,
    SWEEP_FILE,
    TRIALS,
    UNFINISHED,
)
from framework.errors import ConfigError, DivergedError, InterruptedRunError, RunError, UsageError
from framework.utils.console import record_log
from framework.utils.files import fingerprint_file, read_json, remove_temporary_files, write_text

RESULTS = Path("results")

# The trained classifier; its fingerprint is in `environment.json` beside it.
MODEL_FILE = "model.keras"


@contextmanager
def open_run(directory: Path) -> Iterator[None]:
    """Let the body fill a run directory, and log its messages to `run.log`.

    If the run fails, a new directory in which nothing was trained is removed; any other is
    kept, and the message says how to resume the run. A run that has diverged has its report,
    and stays marked as unfinished.

    Args:
        directory: As `create_run` made it, or that of an interrupted run.

    Raises:
        RunError: Another process works in the same directory.
    """
    lock = FileLock(directory / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise RunError(f"{directory}: another process is working on this run.") from error
    remove_temporary_files(directory)
    resumed = (directory / "config.json").exists()
    advice = f"Resume with: python run.py --resume {directory}"
    try:
        with record_log(directory / "run.log"):
            yield
            finish_run(directory)
    except KeyboardInterrupt as error:
        raise InterruptedRunError(f"Interrupted. {advice}") from error
    except DivergedError as error:
        write_text(directory / UNFINISHED, f"{error}\n")
        (directory / CHECKPOINT).unlink(missing_ok=True)
        raise
    except (ConfigError, RunError, OSError) as error:
        has_fold = any((directory / FOLDS).glob("*/predictions.npz"))
        if not resumed and not has_fold and not (directory / "history.csv").exists():
            shutil.rmtree(directory, ignore_errors=True)
            raise
        if isinstance(error, ConfigError):
            raise  # Resuming would end the same way.
        raise RunError(f"{error}\nFinished work is kept. {advice}") from error
    finally:
        lock.release()


def reopen_run(directory: Path) -> Path:
    """Find an interrupted run, to resume it.

    Returns:
        Its resolved config file.

    Raises:
        RunError: There is no run, or it can't be resumed.
    """
    config = directory / "config.json"
    if not config.is_file():
        raise RunError(f"{directory} holds no run: there is no config.json in it.")
    if not (directory / UNFINISHED).exists():
        raise RunError(
            f"{directory} holds no interrupted run: there is no {UNFINISHED} in it. "
            f"Start a new run with: python run.py --config {config}"
        )
    _refuse_diverged(directory)
    return config


def _refuse_diverged(directory: Path) -> None:
    """Raise a `RunError` if a run has diverged."""
    metrics = directory / "metrics.json"
    if not metrics.is_file() or "diverged" not in (record := read_json(metrics)):
        return
    raise RunError(
        f"The training of the run in {directory} has diverged in epoch "
        f"{record['diverged']['epoch']}, and would again: see {directory / 'report.html'}. "
        "Change its config, the learning rate above all, and start a new run."
    )


def create_run(config_stem: str, output: Path | None = None) -> Path:
    """Create an empty run directory, marked as unfinished.

    Args:
        config_stem: Name of the config file without its ending.
        output: The directory; by default `results/<config stem>/<YYYYmmdd-HHMMSS>`.

    Raises:
        UsageError: `output` is not empty.
        RunError: The directory can't be written.
    """
    directory = output or RESULTS / config_stem / time.strftime("%Y%m%d-%H%M%S")
    try:
        if output is None:
            directory = _make_unique(directory)
        elif directory.is_dir() and any(directory.iterdir()):
            raise UsageError(
                f"--output: {directory} is not empty. Name another directory, so that nothing "
                "in it is lost."
            )
        else:
            directory.mkdir(parents=True, exist_ok=True)
        marker = directory / UNFINISHED
        marker.write_text("This run has not finished; its files may be incomplete.\n")
    except OSError as error:
        raise RunError(
            f"{directory}: the run directory cannot be created: {error.strerror}. "
            "Choose another place with --output."
        ) from error
    return directory


def _make_unique(directory: Path) -> Path:
    """Create `directory`, or `directory-2` and so on if two runs start in one second."""
    candidate = directory
    for number in count(2):
        try:
            candidate.mkdir(parents=True)
            break
        except FileExistsError:
            candidate = directory.with_name(f"{directory.name}-{number}")
    return candidate


@contextmanager
def fill_directory(directory: Path) -> Iterator[None]:
    """Let the body fill a new directory with results; remove it if the body fails."""
    try:
        with record_log(directory / "run.log"):
            yield
    except BaseException as error:
        shutil.rmtree(directory, ignore_errors=True)
        if isinstance(error, KeyboardInterrupt):
            raise InterruptedRunError(
                "Interrupted. Features computed so far are stored for the next time."
            ) from error
        raise
    finish_run(directory)


def finish_run(directory: Path) -> None:
    """Remove the files that only an unfinished run needs, and its mark."""
    for name in (CHECKPOINT, UNFINISHED, LOCK):
        (directory / name).unlink(missing_ok=True)


def is_finished(directory: Path) -> bool:
    """Return whether a directory holds a complete run."""
    return (directory / "metrics.json").is_file() and not (directory / UNFINISHED).exists()


def find_run(path: Path) -> Path:
    """Find a finished run.

    Args:
        path: A run directory, a sweep's directory, or a folder of run directories.

    Returns:
        The run directory; of a sweep that of its best trial, of other runs the newest finished one.

    Raises:
        RunError: There is none.
    """
    if is_finished(path):
        return path
    if not path.is_dir():
        raise RunError(
            f"There is no run directory {path}. Train one with: python run.py --config CONFIG"
        )
    if (path / UNFINISHED).exists():
        _refuse_diverged(path)
        raise RunError(f"The run in {path} has not finished.")
    if trial := _find_best_trial(path):
        return trial
    finished = [child for child in path.iterdir() if is_finished(child)]
    if not finished:
        raise RunError(f"There is no finished run in {path}.")
    return max(finished, key=lambda run: (run / "metrics.json").stat().st_mtime_ns)


def _find_best_trial(path: Path) -> Path | None:
    """Return the first run of a sweep's ranking; `None` if `path` is not a sweep's, or its trials'.

    Raises:
        RunError: The sweep has no finished trial, or isn't finished.
    """
    sweep = path.parent if path.name == TRIALS else path
    if not (sweep / SWEEP_FILE).is_file():
        return None
    ranking = sweep / RANKING
    if (sweep / UNFINISHED).exists() or not ranking.is_file():
        raise RunError(f"The sweep in {sweep} has not finished. Name one of its {TRIALS}.")
    with ranking.open(newline="", encoding="utf-8") as stream:
        numbers = [int(row["trial"]) for row in csv.DictReader(stream) if row["rank"]]
    trials = [sweep / TRIALS / f"{number:04d}" for number in numbers]
    if not (finished := [trial for trial in trials if is_finished(trial)]):
        raise RunError(f"There is no finished trial in {sweep}.")
    return finished[0]


def locate_model(config: Config) -> Config:
    """Name the file of the weights, or of the trained model, that a run starts with.

    Args:
        config: If it does not train, its `saved_model` is a file; see
            `framework.runs.saved_model`.

    Raises:
        RunError: The file is not the one that its run wrote.
    """
    model = config.model_configuration
    if config.training_config.enable_training:
        return replace(config, model_configuration=locate_weights(model))
    verify_model_file(Path(str(model.saved_model)))
    return config


def locate_weights(model: ModelConfiguration) -> ModelConfiguration:
    """Replace weights that name a run, or a folder of runs, by the run's model file.

    Weights that name neither stay as they are: loading them reports that they are missing.

    Raises:
        RunError: The model file is not the one that its run wrote.
    """
    name = model.weights.name
    if name is None or name == IMAGENET:
        return model
    path = Path(name).expanduser()
    if path.is_dir():
        try:
            path = find_run(path) / MODEL_FILE
        except RunError:
            return model
        model = replace(model, weights=replace(model.weights, name=str(path)))
    verify_model_file(path)
    return model


def verify_model_file(path: Path) -> Path:
    """Compare a run's model file with the fingerprint that the run recorded.

    Files without a record pass: those of old runs, and those that no run wrote.

    Args:
        path: Any model or weights file; it need not exist.

    Returns:
        The same path.

    Raises:
        RunError: The file is not the one that the run wrote.
    """
    record = path.with_name("environment.json")
    if path.name == MODEL_FILE and path.is_file() and record.is_file():
        model = read_json(record).get("model")
        if isinstance(model, dict) and model.get("sha256") != fingerprint_file(path):
            raise RunError(
                f"{path} is not the file that its run wrote: its SHA-256 is not the one in "
                f"{record.name}. It was damaged or replaced; bring the right one back, or train "
                "again."
            )
    return path
