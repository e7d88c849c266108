"""Which versions a node of a cluster has, and whether they are those of this machine."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping

# What decides pixels and features, to the last bit.
PACKAGES = ("ray", "tensorflow", "keras", "numpy", "scipy", "pillow")

Versions = Mapping[str, str | None]
"""What is installed -> its version; `None` for what is missing."""


def make_version_reader() -> Callable[[], dict[str, str | None]]:
    """Return a function that tells the versions where it runs; `None` for what is missing.

    A function within a function, because Ray sends such a one whole: the framework may be
    missing where it runs.
    """
    packages = PACKAGES
    read_python = platform.python_version

    def read_versions() -> dict[str, str | None]:
        from importlib.metadata import PackageNotFoundError, version

        versions: dict[str, str | None] = {"Python": read_python()}
        try:
            from framework import __version__

            versions["transfer-framework"] = __version__
        except ImportError:
            versions["transfer-framework"] = None
        for package in packages:
            try:
                versions[package] = version(package)
            except PackageNotFoundError:
                versions[package] = None
        return versions

    return read_versions


def describe_differences(wanted: Versions, found: Versions) -> list[str]:
    """Return where the versions of a node differ from those here, a phrase each."""
    return [
        f"{package} {found.get(package) or 'missing'} instead of {version}"
        for package, version in wanted.items()
        if found.get(package) != version
    ]
