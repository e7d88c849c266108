"""Fallbacks: what was used in place of a data set or weights that were unavailable."""

import logging
from dataclasses import dataclass
from typing import Literal

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fallback:
    """A replacement that the config allows, which is always announced.

    Args:
        what: What was replaced.
        wanted: The name in the config.
        used: The name in its `if_unavailable`.
        reason: Why `wanted` was unavailable, in one line.
    """

    what: Literal["dataset", "weights"]
    wanted: str
    used: str
    reason: str

    def describe(self) -> str:
        """Return what was used in place of what, as a sentence."""
        return f"{self.used} {self.what} in place of {self.wanted}: {self.reason}"

    def announce(self) -> None:
        """Log a warning."""
        logger.warning("! %s", self.reason)
        logger.warning(
            "! Using %s %s instead of %s, as if_unavailable in the config allows.",
            self.used,
            self.what,
            self.wanted,
        )
