"""Packages that only some commands need, and how to get them."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec

from framework.errors import RunError


def require_packages(purpose: str, packages: Mapping[str, str], extra: str) -> None:
    """Makes sure that optional packages are installed.

    Args:
        purpose: What needs them, for people.
        packages: Import name -> name on the package index.
        extra: The extra of this package that brings them.

    Raises:
        RunError: Something is missing.
    """
    missing = [package for module, package in packages.items() if not find_spec(module)]
    if missing:
        raise RunError(
            f"{purpose} needs {', '.join(missing)}. "
            f"Install with: pip install 'transfer-framework[{extra}]'"
        )
