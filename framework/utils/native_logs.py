"""Libraries' starts without the notes of their C++ sides, which help nobody here."""

from __future__ import annotations

import gc
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

# That oneDNN is on, that there is no CUDA, which instructions the processor has: written to
# standard error before TF_CPP_MIN_LOG_LEVEL has any effect. TensorFlow 2.20 begins with the date.
START_NOTE = re.compile(
    r"([IWE]0000 |[-0-9]+ [:.0-9]+: [IWE] )"
    r".*[ /](port|cudart_stub|cuda_platform|cuda_executor|cpu_feature_guard)\.cc:"
    r"|WARNING: All log messages before absl::InitializeLog"
    r"|To enable the following instructions:"
)


def start_tensorflow() -> None:
    """Import TensorFlow and find its devices; says what it says, but for the notes.

    Garbage collection is off meanwhile, and passes over afterwards what was imported: going
    through a million objects that all stay takes two of five seconds, the last when Python ends.
    """
    if "tensorflow" in sys.modules:
        return  # What else has been made since would be passed over for good, garbage included.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    gc.disable()
    try:
        with filter_standard_error(START_NOTE):
            import keras  # noqa: F401
            import tensorflow as tf

            tf.config.list_physical_devices()
    finally:
        gc.freeze()
        gc.enable()


@contextmanager
def filter_standard_error(notes: re.Pattern[str]) -> Iterator[None]:
    """Hold back what the body writes to standard error, from C++ too, and sifts it.

    Args:
        notes: What the lines that are dropped begin with.
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
                if not notes.match(line):
                    print(line, file=sys.stderr)
