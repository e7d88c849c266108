"""Checks of how a figure looks: texts that are cut off, texts that overlap."""

from functools import lru_cache

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from framework.evaluation.figures.style import use_style


def draw(figure):
    """Draws the figure and returns the renderer, which measures texts."""
    with use_style():
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
    return canvas.get_renderer()


def find_hidden_labels(figure):
    """The labels of ticks outside their axis; Matplotlib keeps them, and does not draw them."""
    hidden = set()
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            for tick in axis.get_major_ticks():
                if not low - 1e-9 <= tick.get_loc() <= high + 1e-9:
                    hidden |= {tick.label1, tick.label2}
            if not axes.axison:
                hidden |= {axis.label, *axis.get_ticklabels()}
    return hidden


@lru_cache(maxsize=1)
def find_visible_texts(figure):
    """`(text, box)` of every visible text."""
    renderer = draw(figure)
    hidden = find_hidden_labels(figure)
    return [
        (text, text.get_window_extent(renderer))
        for text in figure.findobj(Text)
        if text.get_visible() and text.get_text().strip() and text not in hidden
    ]


def find_cut_off(figure):
    """The texts that reach beyond the figure's edge."""
    width, height = figure.bbox.size
    return [
        text.get_text()
        for text, box in find_visible_texts(figure)
        if box.x0 < -0.5 or box.y0 < -0.5 or box.x1 > width + 0.5 or box.y1 > height + 0.5
    ]


def find_overlaps(figure):
    """The pairs of upright texts that overlap by more than a pixel."""
    boxes = [
        (text.get_text(), box)
        for text, box in find_visible_texts(figure)
        if text.get_rotation() % 90 == 0
    ]
    return [
        (one, other)
        for index, (one, box) in enumerate(boxes)
        for other, other_box in boxes[index + 1 :]
        if min(box.x1, other_box.x1) - max(box.x0, other_box.x0) > 1
        and min(box.y1, other_box.y1) - max(box.y0, other_box.y0) > 1
    ]
