"""The Jinja environment of all pages, and its filters."""

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from framework.utils.text import format_duration


@cache
def _make_environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        # Every name on a page, such as that of a class, is text, not markup.
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": format_percent, "number": format_number, "seconds": format_duration,
        "first_upper": capitalize_first,
    }  # fmt: skip
    return environment


def render_template(name: str, **values: Any) -> str:
    """Render a template of this package with escaped values."""
    return _make_environment().get_template(name).render(values)


def capitalize_first(text: str) -> str:
    """Return a text with a capital at its beginning, and all else as it is."""
    return text[:1].upper() + text[1:]


def format_percent(share: float | None, digits: int = 2) -> str:
    """Return `0.9722` as `97.22 %`; a missing value as a dash."""
    return "–" if share is None else f"{100 * share:.{digits}f}\N{NO-BREAK SPACE}%"


def format_number(value: float | None, digits: int = 4) -> str:
    """Return a number with thousands separated; a missing value as a dash."""
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:.{digits}f}"
