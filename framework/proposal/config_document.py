"""A config as commented YAML."""

import io
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap

from framework.errors import UsageError
from framework.proposal.choices import Choice

WIDTH = 98
"""Characters of a line."""


def format_choices(choices: Sequence[Choice], heading: str) -> str:
    """Return choices as YAML, each below its reason."""
    document = CommentedMap()
    document.yaml_set_start_comment(heading)
    for choice in choices:
        place = document
        for key in choice.path[:-1]:
            place = place.setdefault(key, CommentedMap())
        key, indent = choice.path[-1], 2 * (len(choice.path) - 1)
        place[key] = _make_node(choice.value)
        if choice.reason:
            reason = textwrap.fill(choice.reason, WIDTH - 2 - indent)
            place.yaml_set_comment_before_after_key(key, before=reason, indent=indent)
    yaml = YAML()
    yaml.width = WIDTH
    stream = io.StringIO()
    yaml.dump(document, stream)
    return stream.getvalue()


def _make_node(value: Any) -> Any:
    """Return plain values as nodes; objects without objects in them take one line."""
    if not isinstance(value, dict):
        return value
    node = CommentedMap({key: _make_node(inner) for key, inner in value.items()})
    if value and not any(isinstance(inner, dict) for inner in value.values()):
        node.fa.set_flow_style()
    return node


def check_new(path: Path) -> None:
    """Raise a `UsageError` if a file is there already, or its folder is not."""
    if path.exists():
        raise UsageError(
            f"{path} exists already, and is not overwritten. Name another file with --output."
        )
    if not path.parent.is_dir():
        raise UsageError(f"{path}: there is no folder {path.parent}.")


def write_new(path: Path, text: str) -> None:
    """Write a file that is not there yet; raise a `UsageError` if it is."""
    check_new(path)
    with path.open("x", encoding="utf-8") as stream:
        stream.write(text)
