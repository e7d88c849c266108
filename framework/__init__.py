"""Config-driven transfer learning: one file in, a trained classifier and its results out."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from framework.api.functions import evaluate, load_config, probe, train
    from framework.api.results import Evaluation, Run, load_run
    from framework.inference.trained_classifier import load_classifier

__version__ = "0.1.0"

_MODULES = {
    "Evaluation": "framework.api.results",
    "Run": "framework.api.results",
    "evaluate": "framework.api.functions",
    "load_classifier": "framework.inference.trained_classifier",
    "load_config": "framework.api.functions",
    "load_run": "framework.api.results",
    "probe": "framework.api.functions",
    "train": "framework.api.functions",
}

__all__ = [
    "Evaluation", "Run", "__version__", "evaluate", "load_classifier", "load_config", "load_run",
    "probe", "train",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    # TensorFlow takes seconds to import: only who uses it waits for it.
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
