"""A figure that is yet to be drawn, in this process or in another."""

from dataclasses import dataclass
from importlib import import_module
from typing import Any, NamedTuple

# What a process needs to draw the figures of a run, and to compute its metrics.
WORKER_MODULES = tuple(
    f"framework.evaluation.figures.{name}"
    for name in (
        "confusion_matrix dataset_overview grad_cam learning_curves per_class_metrics "
        "reliability_diagram risk_coverage roc_pr_curves sample_images"
    ).split()
)


class DrawnFigure(NamedTuple):
    """A figure as a file.

    Attributes:
        png: The content of the file.
        title: Its first line, which says what it shows.
        subtitle: Its second line, which says of what.
    """

    png: bytes
    title: str
    subtitle: str


@dataclass(frozen=True)
class Drawing:
    """A function of `framework.evaluation.figures` and what it draws.

    By name, so that a process that leaves the drawing to another imports no Matplotlib.

    Args:
        function: Its module and its name, such as `"grad_cam.plot_grad_cam"`.
        arguments: What it is given.
    """

    function: str
    arguments: tuple[Any, ...]

    def draw(self) -> DrawnFigure:
        """Draw the figure."""
        module, name = self.function.split(".")
        function = getattr(import_module(f"framework.evaluation.figures.{module}"), name)
        figure = function(*self.arguments)
        style = import_module("framework.evaluation.figures.style")
        title, subtitle = (text.get_text() for text in figure.texts[:2])
        return DrawnFigure(style.render_png(figure), title, subtitle)
