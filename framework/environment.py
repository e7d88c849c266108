"""Where and with what a run was made: enough to tell why two runs differ."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from framework import __version__

PACKAGES = ("tensorflow", "keras", "numpy", "scipy", "scikit-learn", "pillow", "matplotlib")


def describe_environment() -> dict[str, Any]:
    """Versions, platform, processors and the source's commit, ready for JSON."""
    return {
        "framework": __version__,
        "commit": find_commit(),
        "python": platform.python_version(),
        "packages": {name: _find_version(name) for name in PACKAGES},
        "platform": platform.platform(),
        "machine": platform.machine(),
        "processors": os.cpu_count(),
    }


def _find_version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def find_commit() -> str | None:
    """The commit of the framework's source, `-dirty` where files differ from it.

    `None` where it was installed without its repository, or git is missing.
    """
    source = Path(__file__).resolve().parents[1]
    if not (source / ".git").exists():
        return None
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
            cwd=source,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return described.stdout.strip()
