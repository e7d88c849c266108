"""Processes beside this one for what needs no TensorFlow: scikit-learn, SciPy and Matplotlib.

They import those while TensorFlow is imported here, and draw while a top trains. Where there are
none (a single processor, a program of which this is a part) or one was killed, the work is done
here: later, with the same result.
"""

import contextlib
import logging
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from itertools import count
from queue import PriorityQueue
from typing import IO, Any, ParamSpec, TypeVar, cast

from framework.utils.environment import count_processors

logger = logging.getLogger(__name__)

MAX_PROCESSES = 2

P = ParamSpec("P")
R = TypeVar("R")

_lock = threading.Lock()  # Matplotlib's settings are those of a whole process.
_pool: "_Pool | None" = None


def start_workers() -> None:
    """Let processes be started, unless there is a single processor."""
    global _pool
    if _pool is None and count_processors() > 1:
        _pool = _Pool(MAX_PROCESSES)


def warm_worker(modules: Sequence[str]) -> None:
    """Have a process import modules that it will need: the one that is idle, or another.

    Does nothing if `start_workers` was not called, or had no reason to start any.
    """
    if _pool is not None:
        _pool.submit(_Task(_import, (modules,)))


def stop_workers() -> None:
    """End the processes, and forget what they have not begun."""
    global _pool
    if _pool is not None:
        _pool.close()
        _pool = None


def submit(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> "Future[R]":
    """Have a worker process call a function, or call it here if there is none.

    Args:
        function: A function of a module; it imports no TensorFlow.
        args: Its arguments; they are pickled.
        kwargs: More of them.
    """
    task = _Task(function, args, kwargs)
    if _pool is None:
        task.run(function)
    else:
        _pool.submit(task)
    return task.future


def call(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Return the result of a function that is called before all that was submitted."""
    if _pool is None:
        return function(*args, **kwargs)
    task = _Task(function, args, kwargs, is_urgent=True)
    _pool.submit(task)
    result: R = task.future.result()
    return result


class _WorkerLostError(Exception):
    """A worker process has ended."""


@dataclass
class _Task:
    """A call of a function, and its result when it is done."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    is_urgent: bool = False
    future: Future[Any] = field(default_factory=Future)

    def run(self, call: Callable[..., Any]) -> None:
        """Keep what a call gives or raises."""
        try:
            self.future.set_result(call(*self.args, **self.kwargs))
        except Exception as error:
            self.future.set_exception(error)


class _Pool:
    """Processes that are started when there is work for them."""

    def __init__(self, processes: int) -> None:
        self._workers = [_Worker() for _ in range(processes)]

    def submit(self, task: _Task) -> None:
        """Leave a task to the process with the least to do."""
        min(self._workers, key=lambda each: each.pending).submit(task)

    def close(self) -> None:
        """End all processes."""
        for worker in self._workers:
            worker.close()


class _Worker:
    """A process that calls one function after the other, and the thread that waits for it.

    Attributes:
        pending: How many tasks are not done yet.
    """

    def __init__(self) -> None:
        self.pending = 0
        self._tasks: PriorityQueue[tuple[bool, int, _Task]] = PriorityQueue()
        self._numbers = count()
        self._process: subprocess.Popen[bytes] | None = None
        self._lost = self._closed = False
        self._starting = threading.Lock()  # One that is just being started must end too.
        threading.Thread(target=self._work, name="worker process", daemon=True).start()

    def submit(self, task: _Task) -> None:
        """Queue a task; an urgent one comes before the others."""
        self.pending += 1
        self._tasks.put((not task.is_urgent, next(self._numbers), task))

    def _work(self) -> None:
        while not self._closed:
            _, _, task = self._tasks.get()
            task.run(partial(self._call, task.function))
            self.pending -= 1

    def _call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if not self._lost:
            try:
                return self._call_remotely(function, args, kwargs)
            except _WorkerLostError as error:
                if self._closed:
                    raise
                self._lost = True
                logger.warning("! %s What it did is done in the main process: slower.", error)
        with _lock:
            return function(*args, **kwargs)

    def _call_remotely(self, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        request = pickle.dumps((function, args, kwargs))
        try:
            with self._starting:
                if self._closed:
                    raise _WorkerLostError("The worker processes are stopped.")
                process = self._process = self._process or _start_process()
            requests, answers = cast(IO[bytes], process.stdin), cast(IO[bytes], process.stdout)
            requests.write(request)
            requests.flush()
            succeeded, outcome = pickle.load(answers)
        except (OSError, ValueError, EOFError, pickle.UnpicklingError) as error:
            if self._process is None:
                raise _WorkerLostError(f"No process can be started: {error}.") from error
            code = self._process.wait()
            raise _WorkerLostError(f"A worker process ended with exit code {code}.") from error
        if succeeded:
            return outcome
        raise outcome

    def close(self) -> None:
        """End the process, whatever it does."""
        self._closed = True
        with self._starting:
            process = self._process
        if process is not None:
            # Its last request may still wait in the pipe.
            with contextlib.suppress(BrokenPipeError), process:
                process.kill()


def _start_process() -> subprocess.Popen[bytes]:
    code = (
        f"import sys; sys.path[:] = {sys.path!r}; "
        "from framework.utils.worker_processes import serve; serve()"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for the main process, whose end ends this one.
    )


def serve() -> None:
    """Call functions that come through standard input, in a worker process, until it ends."""
    # An answer that can't be written: the main process has ended.
    with contextlib.suppress(BrokenPipeError), os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)  # What functions print must not get between the answers.
        while True:
            try:
                function, args, kwargs = pickle.load(sys.stdin.buffer)
            except EOFError:
                return
            try:
                answer = pickle.dumps((True, function(*args, **kwargs)))
            except Exception as error:
                answer = _pickle_error(error)
            answers.write(answer)
            answers.flush()


def _pickle_error(error: Exception) -> bytes:
    """Return an error as an answer; one that can't be sent becomes a `RuntimeError`."""
    try:
        answer = pickle.dumps((False, error))
        pickle.loads(answer)
    except Exception:
        answer = pickle.dumps((False, RuntimeError(f"{type(error).__name__}: {error}")))
    return answer


def _import(modules: Sequence[str]) -> None:
    for name in modules:
        import_module(name)
