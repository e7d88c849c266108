"""Where this program keeps what it can compute again."""

import os
from pathlib import Path

import platformdirs

DIRECTORY_VARIABLE = "TRANSFER_FRAMEWORK_CACHE"


def find_cache_directory() -> Path:
    """Return the directory, from the environment or the system's default."""
    root = os.environ.get(DIRECTORY_VARIABLE)
    return Path(root or platformdirs.user_cache_dir("transfer-framework", False))
