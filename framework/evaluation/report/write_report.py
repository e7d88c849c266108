"""Everything that a run shows: its pictures, and the page that holds them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure
from tqdm import tqdm

from framework.errors import FrameworkError
from framework.evaluation.figures.style import render_png
from framework.evaluation.report.figure_list import FigureSpec, list_figures
from framework.evaluation.report.page import RenderedFigure, render_report
from framework.evaluation.report.report_inputs import ReportInputs
from framework.utils.files import write_atomically, write_text

logger = logging.getLogger(__name__)


def write_report(directory: Path, evidence: ReportInputs) -> list[Path]:
    """Draw all pictures of a run into its directory, and write `report.html`.

    A picture that the contract of a run directory does not name may fail: the
    report then says so, and the run goes on.

    Args:
        directory: The run directory; it exists.
        evidence: What there is to show.

    Returns:
        The files written.

    Raises:
        RunError: A file cannot be written.
    """
    shown, left_out = _draw_figures(directory, list_figures(evidence))
    page = directory / "report.html"
    write_text(page, render_report(evidence, shown, left_out))
    return [*(picture.path for picture in shown), page]


def _draw_figures(
    directory: Path, pictures: Sequence[FigureSpec]
) -> tuple[list[RenderedFigure], dict[str, str]]:
    shown: list[RenderedFigure] = []
    left_out: dict[str, str] = {}
    for picture in tqdm(pictures, desc="report", unit=" pictures", leave=False):
        drawn = _try_to_draw(picture, left_out)
        if drawn is not None:
            figure, png = drawn
            path = directory / picture.name
            with write_atomically(path) as temporary:
                temporary.write_bytes(png)
            title, subtitle = (text.get_text() for text in figure.texts[:2])
            shown.append(RenderedFigure(picture, path, title, subtitle))
    return shown, left_out


def _try_to_draw(picture: FigureSpec, left_out: dict[str, str]) -> tuple[Figure, bytes] | None:
    if not picture.optional:
        return _draw(picture)
    try:
        return _draw(picture)
    except FrameworkError as error:
        left_out[picture.name] = str(error)
    # Whatever goes wrong in an extra picture, a trained classifier must not be lost for it.
    except Exception as error:
        logger.debug("%s", picture.name, exc_info=True)
        left_out[picture.name] = f"{type(error).__name__}: {error}"
    logger.warning("! %s is left out: %s", picture.name, left_out[picture.name])
    return None


def _draw(picture: FigureSpec) -> tuple[Figure, bytes]:
    """Draw a picture down to its pixels, since much of it is only computed for these."""
    figure = picture.draw()
    return figure, render_png(figure)
