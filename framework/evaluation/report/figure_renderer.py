"""Draws the figures of a run while the run goes on, and writes them when it ends."""

import logging
from collections.abc import Iterable
from concurrent.futures import Future
from pathlib import Path

from tqdm import tqdm

from framework.errors import FrameworkError
from framework.evaluation.report.drawing import Drawing, DrawnFigure
from framework.evaluation.report.figure_specs import FigureSpec
from framework.evaluation.report.html_page import RenderedFigure
from framework.utils.files import write_atomically
from framework.utils.worker_processes import submit

logger = logging.getLogger(__name__)


class FigureRenderer:
    """Figures that worker processes draw, if there are any; see `framework.utils`."""

    def __init__(self) -> None:
        self._drawn: dict[str, tuple[FigureSpec, Future[DrawnFigure]]] = {}

    def start(self, specs: Iterable[FigureSpec]) -> None:
        """Begin to draw figures, apart from those that were begun before."""
        for spec in specs:
            if spec.name not in self._drawn:
                self._drawn[spec.name] = spec, _start_drawing(spec)

    def write(self, directory: Path) -> tuple[list[RenderedFigure], dict[str, str]]:
        """Write the figures into a directory when they are drawn.

        An optional figure may fail: whatever goes wrong in one, a trained classifier must not be
        lost for it.

        Returns:
            The figures, and why others were left out: name of the file -> reason.

        Raises:
            RunError: A file cannot be written.
        """
        rendered: list[RenderedFigure] = []
        left_out: dict[str, str] = {}
        progress = tqdm(self._drawn.values(), desc="report", unit=" figures", leave=False)
        for spec, drawn in progress:
            try:
                figure = drawn.result()
            except Exception as error:
                if not spec.optional:
                    raise
                left_out[spec.name] = _describe_failure(spec, error)
                continue
            path = directory / spec.name
            with write_atomically(path) as temporary:
                temporary.write_bytes(figure.png)
            rendered.append(RenderedFigure(spec, path, figure.title, figure.subtitle))
        return rendered, left_out


def _start_drawing(spec: FigureSpec) -> Future[DrawnFigure]:
    try:
        drawing = spec.prepare()
    except Exception as error:
        failed: Future[DrawnFigure] = Future()
        failed.set_exception(error)
        return failed
    return submit(Drawing.draw, drawing)


def _describe_failure(spec: FigureSpec, error: Exception) -> str:
    """Log and return why a figure is left out."""
    reason = str(error)
    if not isinstance(error, FrameworkError):
        logger.debug("%s", spec.name, exc_info=error)
        reason = f"{type(error).__name__}: {error}"
    logger.warning("! %s is left out: %s", spec.name, reason)
    return reason
