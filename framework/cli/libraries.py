"""The libraries that a training needs, imported side by side."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from framework.evaluation.report.drawing import WORKER_MODULES
from framework.utils.compilation_cache import start_compilation_cache
from framework.utils.native_logs import start_tensorflow
from framework.utils.worker_processes import start_workers, stop_workers, warm_worker


@contextmanager
def use_libraries() -> Iterator[None]:
    """Import TensorFlow, and meanwhile, in another process, what draws and measures."""
    if "tensorflow" not in sys.modules:  # Otherwise this is a part of another program.
        start_workers()
        warm_worker(WORKER_MODULES)
        start_compilation_cache()
    try:
        start_tensorflow()
        yield
    finally:
        stop_workers()
