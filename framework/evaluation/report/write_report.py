"""Draw the figures of a run, and write the page that shows them."""

import logging
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from framework.errors import FrameworkError
from framework.evaluation.figures.style import render_png
from framework.evaluation.report.figure_specs import FigureSpec, list_figures
from framework.evaluation.report.html_page import RenderedFigure, render_report
from framework.evaluation.report.report_inputs import ReportInputs
from framework.utils.files import write_atomically, write_text

logger = logging.getLogger(__name__)


def write_report(directory: Path, inputs: ReportInputs) -> list[Path]:
    """Draw all figures of a run into its directory, and write `report.html`.

    An optional figure may fail: the report then says so, and the run continues.

    Args:
        directory: The run directory; it exists.
        inputs: What the report is made from.

    Returns:
        The files written.

    Raises:
        RunError: A file cannot be written.
    """
    rendered, left_out = _draw_figures(directory, list_figures(inputs))
    page = directory / "report.html"
    write_text(page, render_report(inputs, rendered, left_out))
    return [*(figure.path for figure in rendered), page]


def _draw_figures(
    directory: Path, specs: Sequence[FigureSpec]
) -> tuple[list[RenderedFigure], dict[str, str]]:
    rendered: list[RenderedFigure] = []
    left_out: dict[str, str] = {}
    for spec in tqdm(specs, desc="report", unit=" figures", leave=False):
        try:
            figure = spec.draw()
            # Within the try, since much of a figure is only computed for its pixels.
            png = render_png(figure)
        # Whatever goes wrong in an optional figure, a trained classifier must not be lost for it.
        except Exception as error:
            if not spec.optional:
                raise
            if isinstance(error, FrameworkError):
                left_out[spec.name] = str(error)
            else:
                logger.debug("%s", spec.name, exc_info=True)
                left_out[spec.name] = f"{type(error).__name__}: {error}"
            logger.warning("! %s is left out: %s", spec.name, left_out[spec.name])
            continue
        path = directory / spec.name
        with write_atomically(path) as temporary:
            temporary.write_bytes(png)
        title, subtitle = (text.get_text() for text in figure.texts[:2])
        rendered.append(RenderedFigure(spec, path, title, subtitle))
    return rendered, left_out
