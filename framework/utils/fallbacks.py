"""What was used in place of what the config names, which is never done in silence."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Literal

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fallback:
    """One thing that could not be had, and what stands in for it.

    Args:
        what: The kind of thing.
        wanted: What the config names.
        used: What its `if_unavailable` names.
        reason: Why `wanted` could not be had, in one line.
    """

    what: Literal["dataset", "weights"]
    wanted: str
    used: str
    reason: str

    def announce(self) -> None:
        """Say it on the console."""
        logger.warning("! %s", self.reason)
        logger.warning(
            "! Using %s %s instead of %s, as if_unavailable in the config allows.",
            self.used,
            self.what,
            self.wanted,
        )
