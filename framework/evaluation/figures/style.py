"""The common style of all figures."""

import io
import textwrap
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from framework.utils.files import write_atomically

# Okabe and Ito, "Color Universal Design" (2008): told apart by color-blind readers. Ordered so
# that neighbors also differ in lightness, for print in gray.
BLUE, ORANGE, GREEN, SKY, VERMILION, PURPLE, YELLOW, BLACK = (
    "#0072B2", "#E69F00", "#009E73", "#56B4E9", "#D55E00", "#CC79A7", "#F0E442", "#000000",
)  # fmt: skip
COLORS = (BLUE, ORANGE, GREEN, VERMILION, SKY, PURPLE, BLACK)
DARK_GRAY, GRAY, LIGHT_GRAY = "#1c2430", "#5b6675", "#d9dee5"
CORRECT_COLOR, WRONG_COLOR = BLUE, VERMILION

# Class names may be written in any script; these are the usual fonts beyond Matplotlib's own.
_FALLBACK_FONTS = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans Devanagari", "Arial Unicode MS",
)  # fmt: skip

_TITLE_SIZE, _SUBTITLE_SIZE = 13.0, 9.5
_CHARACTERS_PER_INCH = 13.5  # of DejaVu Sans at the subtitle's size, measured, rounded down


@cache
def _make_parameters() -> dict[Any, Any]:
    installed = set(font_manager.get_font_names())
    return {
        "font.family": ["DejaVu Sans", *(name for name in _FALLBACK_FONTS if name in installed)],
        "font.size": 10.0,
        "text.color": DARK_GRAY,
        # A class named "$5" is a name, not a formula.
        "text.parse_math": False,
        "axes.edgecolor": GRAY,
        "axes.labelcolor": DARK_GRAY,
        "axes.labelsize": 10.0,
        "axes.titlesize": 10.5,
        "axes.titlelocation": "left",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": False,
        "axes.axisbelow": True,
        "axes.linewidth": 0.8,
        "grid.color": LIGHT_GRAY,
        "grid.linewidth": 0.8,
        "xtick.color": GRAY,
        "ytick.color": GRAY,
        "xtick.labelcolor": DARK_GRAY,
        "ytick.labelcolor": DARK_GRAY,
        "xtick.labelsize": 9.0,
        "ytick.labelsize": 9.0,
        "legend.frameon": False,
        "legend.fontsize": 9.5,
        "lines.linewidth": 2.0,
        "image.cmap": "gray",
        "savefig.dpi": 130.0,
        "savefig.facecolor": "white",
    }


@contextmanager
def use_style() -> Iterator[None]:
    """Apply the style within the context; Matplotlib's own settings are restored after it."""
    with matplotlib.rc_context(_make_parameters()), warnings.catch_warnings():
        # A name in a script that no installed font has is drawn as boxes; the page shows it.
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font", UserWarning)
        yield


# As a decorator, for functions that draw a figure.
styled = use_style()


def make_figure(
    width: float, height: float, title: str, subtitle: str, beside: float = 0.0
) -> Figure:
    """Return an empty figure with its titles at the top left and a layout below them.

    Args:
        width: In inches.
        height: In inches, without the titles.
        title: What the figure shows.
        subtitle: Of what: data, split, weights. Wrapped where it is too long.
        beside: Inches at the right, within the width, that the layout leaves free.
    """
    lines = textwrap.wrap(subtitle, max(20, int(width * _CHARACTERS_PER_INCH))) or [""]
    total = height + 0.5 + 0.19 * len(lines)
    rect = (0, 0, 1 - beside / width, height / total)
    layout = ConstrainedLayoutEngine(rect=rect, w_pad=0.08, h_pad=0.08)
    figure = Figure(figsize=(width, total), layout=layout)
    left = 0.12 / width
    figure.text(left, 1 - 0.1 / total, title, size=_TITLE_SIZE, weight="bold", ha="left", va="top")
    figure.text(
        left, 1 - 0.37 / total, "\n".join(lines), size=_SUBTITLE_SIZE, color=GRAY,
        ha="left", va="top", linespacing=1.3,
    )  # fmt: skip
    return figure


def save_figure(figure: Figure, path: Path) -> Path:
    """Write a figure to a file, whose suffix determines the format.

    Raises:
        RunError: The file cannot be written.
    """
    with use_style(), write_atomically(path) as temporary:
        figure.savefig(temporary)
    return path


def render_png(figure: Figure) -> bytes:
    """Return a figure as the bytes of a PNG file, with its layout fixed.

    `savefig` would draw it twice, the first time for its layout alone.
    """
    buffer = io.BytesIO()
    with use_style():
        figure.set_dpi(matplotlib.rcParams["savefig.dpi"])
        canvas = FigureCanvasAgg(figure)
        if (layout := figure.get_layout_engine()) is not None:
            layout.execute(figure)
            figure.set_layout_engine("none")
        canvas.print_png(buffer)  # type: ignore[no-untyped-call]
    return buffer.getvalue()


def show_message(axes: Axes, text: str) -> None:
    """Write in an otherwise empty plot why it is empty."""
    axes.set_axis_off()
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=GRAY)
