"""Draw the figures of a run, and write the page that shows them."""

from pathlib import Path

from framework.evaluation.report.figure_renderer import FigureRenderer
from framework.evaluation.report.figure_specs import list_figures
from framework.evaluation.report.html_page import render_report
from framework.evaluation.report.report_inputs import ReportInputs
from framework.utils.files import write_text


def start_report(inputs: ReportInputs, renderer: FigureRenderer) -> None:
    """Begin to draw all figures of a run.

    Args:
        inputs: What the report is made from.
        renderer: Draws them; it may have begun with some.
    """
    renderer.start(list_figures(inputs))


def write_report(
    directory: Path, inputs: ReportInputs, renderer: FigureRenderer | None = None
) -> list[Path]:
    """Write the figures of a run into its directory, and `report.html`.

    An optional figure may fail: the report then says so, and the run continues.

    Args:
        directory: The run directory; it exists.
        inputs: What the report is made from.
        renderer: Draws the figures, since `start_report`; by default they are drawn now.

    Returns:
        The files written.

    Raises:
        RunError: A file cannot be written.
    """
    if renderer is None:
        renderer = FigureRenderer()
        start_report(inputs, renderer)
    rendered, left_out = renderer.write(directory)
    page = directory / "report.html"
    write_text(page, render_report(inputs, rendered, left_out))
    return [*(figure.path for figure in rendered), page]
