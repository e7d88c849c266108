"""Worker processes: what they compute, and what happens when they fail or are killed."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from framework.errors import RunError
from framework.evaluation.report.drawing import WORKER_MODULES
from framework.utils import worker_processes
from framework.utils.worker_processes import call, start_workers, stop_workers, submit, warm_worker
from tests.helpers.program import ROOT


def add(first, second):
    print("printed by a worker")
    return first + second


def fail(message):
    raise RunError(message)


def fail_oddly():
    class LocalError(Exception):
        pass

    raise LocalError("cannot be sent")


def list_modules():
    return os.getpid(), {name.partition(".")[0] for name in sys.modules}


@pytest.fixture
def workers(monkeypatch):
    monkeypatch.setattr(worker_processes, "count_processors", lambda: 2)
    start_workers()
    yield
    stop_workers()


@pytest.mark.usefixtures("workers")
class TestWorkers:
    def test_a_function_is_called_in_another_process(self):
        assert call(add, 1, second=2) == 3
        pid, _ = call(list_modules)
        assert pid != os.getpid()

    def test_errors_are_those_of_the_function(self):
        with pytest.raises(RunError, match="told"):
            call(fail, "told")
        with pytest.raises(RuntimeError, match="LocalError: cannot be sent"):
            call(fail_oddly)
        assert call(add, 1, 2) == 3

    def test_a_killed_process_is_told_and_its_work_is_done_here(self, caplog):
        pid, _ = call(list_modules)
        os.kill(pid, signal.SIGKILL)
        assert call(add, 1, 2) == 3
        assert call(list_modules)[0] == os.getpid()
        assert caplog.text.count("exit code -9") == 1

    def test_an_urgent_call_comes_before_what_was_submitted(self):
        waiting = [submit(time.sleep, 0.3) for _ in range(8)]
        call(add, 1, 2)
        assert not waiting[-1].done()

    def test_the_end_waits_for_nothing(self):
        waiting = [submit(time.sleep, 60) for _ in range(4)]
        call_time = time.monotonic()
        stop_workers()
        assert time.monotonic() - call_time < 10
        assert not any(future.done() and future.exception() is None for future in waiting)

    def test_the_end_comes_to_a_process_that_is_being_started(self, monkeypatch):
        began, started = threading.Event(), []
        start_process = worker_processes._start_process

        def start_slowly():
            began.set()
            time.sleep(0.5)
            started.append(start_process())
            return started[0]

        monkeypatch.setattr(worker_processes, "_start_process", start_slowly)
        submit(time.sleep, 60)
        began.wait()
        stop_workers()
        assert started[0].poll() is not None


def test_without_processes_functions_are_called_here():
    assert submit(list_modules).result()[0] == os.getpid()
    assert isinstance(submit(fail, "told").exception(), RunError)


def test_one_processor_starts_no_process(monkeypatch):
    monkeypatch.setattr(worker_processes, "count_processors", lambda: 1)
    start_workers()
    assert call(list_modules)[0] == os.getpid()


def test_what_draws_and_measures_imports_no_tensorflow(monkeypatch):
    monkeypatch.setattr(worker_processes, "MAX_PROCESSES", 1)
    monkeypatch.setattr(worker_processes, "count_processors", lambda: 2)
    start_workers()
    warm_worker(WORKER_MODULES)
    submit(time.sleep, 0).result()
    _, modules = call(list_modules)
    assert {"matplotlib", "sklearn"} <= modules
    assert not modules & {"tensorflow", "keras"}
    stop_workers()


def test_a_worker_ends_with_its_process():
    program = (
        "import os, time; from framework.utils import worker_processes as w; "
        "w.count_processors = lambda: 2; w.start_workers(); "
        "print(w.call(os.getpid), flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        pid = int(process.stdout.readline())
        process.kill()
    deadline = time.monotonic() + 10
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_alive(pid)


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
