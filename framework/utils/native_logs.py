"""Filters for what C++ libraries print when they start."""

import gc
import os
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

# Messages about oneDNN, missing CUDA and the processor's instructions, printed before
# TF_CPP_MIN_LOG_LEVEL has any effect. Those of TensorFlow 2.20 begin with the date.
STARTUP_MESSAGES = re.compile(
    r"([IWE]0000 |[-0-9]+ [:.0-9]+: [IWE] )"
    r".*[ /](port|cudart_stub|cuda_platform|cuda_executor|cpu_feature_guard)\.cc:"
    r"|WARNING: All log messages before absl::InitializeLog"
    r"|To enable the following instructions:"
)

# Keras imports these, which takes more than a second, for parts of it that are not used here: its
# wrappers for scikit-learn, its plots, and data frames as inputs.
UNUSED = ("sklearn", "matplotlib", "pandas")


def start_tensorflow() -> None:
    """Import TensorFlow and find its devices, without its startup messages.

    Only for processes that are this program's own. Garbage collection is off meanwhile, and
    ignores afterwards what was imported: visiting a million objects that are never freed takes
    two of five seconds, and again when Python ends.
    """
    if "tensorflow" in sys.modules:
        return  # Freezing again would keep all garbage made since.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    gc.disable()
    try:
        with filter_standard_error(STARTUP_MESSAGES), _hide_modules(UNUSED):
            import keras  # noqa: F401
            import tensorflow as tf

            tf.config.list_physical_devices()
    finally:
        gc.freeze()
        gc.enable()


@contextmanager
def _hide_modules(names: Iterable[str]) -> Iterator[None]:
    """Have modules that are not imported yet look as if they were not installed."""
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


@contextmanager
def filter_standard_error(dropped: re.Pattern[str]) -> Iterator[None]:
    """Drop lines that the body writes to standard error, from C++ too; print the rest at the end.

    Args:
        dropped: Matches the beginnings of the lines to drop.
    """
    descriptor = 2
    with tempfile.TemporaryFile() as held:
        saved = os.dup(descriptor)
        os.dup2(held.fileno(), descriptor)
        try:
            yield
        finally:
            os.dup2(saved, descriptor)
            os.close(saved)
            held.seek(0)
            for line in held.read().decode(errors="replace").splitlines():
                if not dropped.match(line):
                    print(line, file=sys.stderr)
