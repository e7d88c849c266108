"""Config-driven transfer learning: one file in, a trained classifier and its results out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from framework.inference.trained_classifier import load_classifier
    from framework.probing.probe import probe

__version__ = "0.1.0"
__all__ = ["__version__", "load_classifier", "probe"]


def __getattr__(name: str) -> Any:
    # TensorFlow takes seconds to import: only who uses it waits for it.
    if name == "load_classifier":
        from framework.inference.trained_classifier import load_classifier

        return load_classifier
    if name == "probe":
        from framework.probing.probe import probe

        return probe
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
