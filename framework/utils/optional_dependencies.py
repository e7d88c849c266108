"""Optional packages that some commands need, and how to install them."""

from collections.abc import Mapping
from importlib.metadata import requires
from importlib.util import find_spec
from pathlib import Path

from framework.errors import RunError
from framework.utils.files import SOURCE


def require_packages(purpose: str, packages: Mapping[str, str], extra: str) -> None:
    """Make sure that optional packages are installed.

    Args:
        purpose: The feature that needs them, for the message.
        packages: Import name -> name on the package index.
        extra: The extra of this package that brings them.

    Raises:
        RunError: Something is missing.
    """
    missing = [package for module, package in packages.items() if not find_spec(module)]
    if missing:
        raise RunError(
            f"{purpose} needs {', '.join(missing)}. Install with: {describe_installation(extra)}"
        )


def describe_installation(extra: str) -> str:
    """Return the command that installs an extra.

    The framework is on no package index: the extra is installed from its source, if that is
    available; otherwise the packages are named.
    """
    if (SOURCE / "setup.cfg").is_file():
        place = "." if Path.cwd() == SOURCE else SOURCE
        return f"pip install --editable '{place}[{extra}]'"
    wanted = [
        requirement
        for requirement, _, marker in (
            line.partition(";") for line in requires("transfer-framework") or []
        )
        if f"extra == '{extra}'" in marker.replace('"', "'")
    ]
    return " ".join(["pip install", *(f"'{one.strip()}'" for one in wanted)])
