"""What was written, to look at: the directories of runs and of evaluations."""

import csv
from abc import ABC, abstractmethod
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from framework.config import Config, load_run_config
from framework.evaluation.report.data_uri import embed_images
from framework.evaluation.report.run_head import describe_run
from framework.evaluation.report.templating import render_template
from framework.inference.export.exporter import export_classifier
from framework.inference.export.formats import Dtype
from framework.inference.trained_classifier import TrainedClassifier, load_classifier
from framework.runs.run_directory import find_run
from framework.utils.files import read_json

FIGURES = ("accuracy.png", "loss.png", "confusion_matrix_test.png")

CLASS_COLUMNS = ("true", "predicted")
"""Names of classes, which are text even where they look like numbers."""


@dataclass(frozen=True)
class Results(ABC):
    """A directory of results.

    Args:
        directory: Where they are.
    """

    directory: Path

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """The content of `metrics.json`."""
        return read_json(self.directory / "metrics.json")

    @property
    @abstractmethod
    def subject(self) -> str:
        """What was trained on what, for people."""

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the result, the curves, and the confusion matrix."""
        paths = [path for name in FIGURES if (path := self.directory / name).is_file()]
        return render_template(
            "notebook.html",
            subject=self.subject,
            directory=str(self.directory),
            test=self.metrics["test"],
            parameters=self.metrics.get("parameters"),
            run=list(describe_run(self._described, self.metrics)),
            substitutions=self._described.get("substitutions", ()),
            figures=[(path.stem, uri) for path, uri in embed_images(paths).items()],
        )

    @property
    def _described(self) -> dict[str, Any]:
        """What is known of how it was made; see `Run.environment`."""
        return {}


@dataclass(frozen=True)
class Evaluation(Results):
    """The results of `evaluate`.

    Args:
        directory: Where they are.
    """

    @property
    def subject(self) -> str:
        """What was evaluated."""
        return f"{self.metrics['run']}, evaluated"

    @cached_property
    def predictions(self) -> Any:
        """The content of `predictions.csv`; a `pandas.DataFrame`, or a list of dicts."""
        return _read_table(self.directory / "predictions.csv")


@dataclass(frozen=True)
class Run(Results):
    """A finished run.

    Args:
        directory: The run directory.
    """

    @cached_property
    def config(self) -> Config:
        """The config, with every default spelled out."""
        return load_run_config(self.directory)

    @cached_property
    def environment(self) -> dict[str, Any]:
        """The content of `environment.json`: versions, machine, data and weights."""
        return read_json(self.directory / "environment.json")

    @property
    def subject(self) -> str:
        """What was trained on what, for people."""
        return str(self.environment["subject"])

    @cached_property
    def history(self) -> Any:
        """The content of `history.csv`, a row an epoch, none if nothing was trained.

        A `pandas.DataFrame`, or a list of dicts where pandas is not installed.
        """
        return _read_table(self.directory / "history.csv")

    @cached_property
    def predictions(self) -> Any:
        """The content of `predictions_test.csv`; a `pandas.DataFrame`, or a list of dicts."""
        return _read_table(self.directory / "predictions_test.csv")

    @cached_property
    def classifier(self) -> TrainedClassifier:
        """The classifier; the first use loads it.

        Raises:
            RunError: Its file is missing or damaged.
        """
        return load_classifier(self.directory)

    def export(
        self,
        format: str,
        output: str | Path | None = None,
        *,
        int8: bool = False,
        input_dtype: Dtype = "float32",
    ) -> Path:
        """Export the classifier, and compare the export with it: `run.py export` in Python.

        Args:
            format: `"keras"`, `"saved_model"`, `"onnx"` or `"litert"`.
            output: The folder to create, or a file with the format's ending; by default a folder
                in the run directory.
            int8: Whether LiteRT computes with 8-bit integers.
            input_dtype: Of the images, for formats that take one dtype only.

        Returns:
            What was created.

        Raises:
            UsageError: There is no such format, or `output` exists already.
            RunError: A package or the test images are missing, or the export differs.
        """
        place = None if output is None else Path(output)
        return export_classifier(self.classifier, format, place, int8, input_dtype)

    @property
    def _described(self) -> dict[str, Any]:
        return self.environment


def load_run(directory: str | Path) -> Run:
    """Find a finished run.

    Args:
        directory: A run directory, or a folder of runs such as `results/vgg16`: then the newest
            finished run in it.

    Returns:
        The run, whose files are read when they are asked for.

    Raises:
        RunError: There is none.
    """
    return Run(find_run(Path(directory).expanduser()))


def _read_table(path: Path, text: Collection[str] = CLASS_COLUMNS) -> Any:
    """Read a CSV file as a `pandas.DataFrame`, or as a list of dicts where pandas is missing."""
    rows: list[dict[str, Any]] = []
    if path.is_file():
        with path.open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream):
                rows.append({k: v if k in text else _read_cell(v) for k, v in row.items()})
    if find_spec("pandas") is None:
        return rows
    import pandas

    return pandas.DataFrame(rows)


def _read_cell(cell: str) -> int | float | str | None:
    for read in (int, float):
        try:
            return read(cell)
        except ValueError:
            pass
    return cell or None
