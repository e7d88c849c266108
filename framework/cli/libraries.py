"""The libraries that a training needs, imported side by side."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from framework.evaluation.report.drawing import WORKER_MODULES
from framework.utils.compilation_cache import use_compilation_cache
from framework.utils.native_logs import start_tensorflow
from framework.utils.worker_processes import start_workers, stop_workers, warm_worker


@contextmanager
def use_libraries() -> Iterator[None]:
    """Import TensorFlow, and meanwhile, in another process, what draws and measures."""
    is_program = "tensorflow" not in sys.modules  # Otherwise it is a part of another one.
    if is_program:
        start_workers()
        warm_worker(WORKER_MODULES)
    try:
        with use_compilation_cache() if is_program else nullcontext():
            start_tensorflow()
        yield
    finally:
        stop_workers()
