"""Everything that a run shows: its pictures, and the page that holds them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure
from tqdm import tqdm

from framework.errors import FrameworkError
from framework.evaluation.evidence import Evidence
from framework.evaluation.page import Shown, render_report
from framework.evaluation.pictures import Picture, list_pictures
from framework.evaluation.style import save_figure
from framework.files import write_text

logger = logging.getLogger(__name__)


def write_report(directory: Path, evidence: Evidence) -> list[Path]:
    """Draws all pictures of a run into its directory, and writes `report.html`.

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
    shown, left_out = _draw_pictures(directory, list_pictures(evidence))
    page = directory / "report.html"
    write_text(page, render_report(evidence, shown, left_out))
    return [*(picture.path for picture in shown), page]


def _draw_pictures(
    directory: Path, pictures: Sequence[Picture]
) -> tuple[list[Shown], dict[str, str]]:
    shown: list[Shown] = []
    left_out: dict[str, str] = {}
    for picture in tqdm(pictures, desc="report", unit=" pictures", leave=False):
        figure = _try_to_draw(picture, left_out)
        if figure is not None:
            path = save_figure(figure, directory / picture.name)
            title, subtitle = (text.get_text() for text in figure.texts[:2])
            shown.append(Shown(picture, path, title, subtitle))
    return shown, left_out


def _try_to_draw(picture: Picture, left_out: dict[str, str]) -> Figure | None:
    if not picture.optional:
        return picture.draw()
    try:
        return picture.draw()
    except FrameworkError as error:
        left_out[picture.name] = str(error)
    # Whatever goes wrong in an extra picture, a trained classifier must not be lost for it.
    except Exception as error:
        logger.debug("%s", picture.name, exc_info=True)
        left_out[picture.name] = f"{type(error).__name__}: {error}"
    logger.warning("! %s is left out: %s", picture.name, left_out[picture.name])
    return None
