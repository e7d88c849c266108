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
from framework.evaluation.style import render_png
from framework.files import publish, write_text

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
        drawn = _try_to_draw(picture, left_out)
        if drawn is not None:
            figure, png = drawn
            path = directory / picture.name
            with publish(path) as temporary:
                temporary.write_bytes(png)
            title, subtitle = (text.get_text() for text in figure.texts[:2])
            shown.append(Shown(picture, path, title, subtitle))
    return shown, left_out


def _try_to_draw(picture: Picture, left_out: dict[str, str]) -> tuple[Figure, bytes] | None:
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


def _draw(picture: Picture) -> tuple[Figure, bytes]:
    """Draws a picture down to its pixels, since much of it is only computed for these."""
    figure = picture.draw()
    return figure, render_png(figure)
