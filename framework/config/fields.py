"""How a key of a config's section is defined."""

from __future__ import annotations

import dataclasses
from typing import Any


def config_field(default: Any, takes: str, about: str) -> Any:
    """Define a key of a section.

    Args:
        default: The value when the key is absent, `dict` for an empty mapping,
            or `MISSING` where the key is required.
        takes: The kind of value, such as `positive integer or null`.
        about: What the key is for, in a sentence.
    """
    metadata = {"takes": takes, "about": about}
    if default is dict:
        return dataclasses.field(default_factory=dict, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)
