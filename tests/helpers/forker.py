"""Commands of the program in processes of their own, forked where TensorFlow is imported already.

Such a process has signals, an exit code, locks and a death of its own, as one that a shell starts.
It lacks the seconds of importing, which the server that it is forked from has spent once, and the
figures of its run, unless they are asked for.
"""

import functools
import multiprocessing
import multiprocessing.forkserver
import os
import runpy
import signal
import sys
from contextlib import ExitStack, nullcontext
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).parents[2]


class Program:
    """A running command of `run.py`.

    Args:
        process: The forked process.
        log: Folder of what it writes to standard output and standard error.
    """

    def __init__(self, process, log):
        self._process = process
        self._log = log

    @property
    def pid(self):
        return self._process.pid

    @property
    def returncode(self):
        return self._process.exitcode

    @property
    def stdout(self):
        return (self._log / "stdout").read_text(encoding="utf-8")

    @property
    def stderr(self):
        return (self._log / "stderr").read_text(encoding="utf-8")

    @property
    def output(self):
        return self.stdout + self.stderr

    def is_alive(self):
        return self._process.is_alive()

    def send_signal(self, number):
        os.kill(self.pid, number)

    def wait(self, timeout=None):
        """Waits until the process has ended; returns its exit code, `-n` after signal n."""
        self._process.join(timeout)
        assert self._process.exitcode is not None, f"still running:\n{self.output}"
        return self._process.exitcode


class Forker:
    """Starts programs, and ends those that are left.

    Args:
        folder: Where their output goes.
    """

    def __init__(self, folder):
        self._folder = folder
        self._processes = []
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["tests.helpers.preloaded"])
        # Until Python 3.13 the server looks for modules where any program does.
        path = os.pathsep.join([os.environ["PYTHONPATH"], *sys.path])
        with mock.patch.dict(os.environ, PYTHONPATH=path):
            multiprocessing.forkserver.ensure_running()

    def start(
        self, *arguments, module=None, cwd=ROOT, hold=None, with_figures=False, **environment
    ):
        """Starts `run.py` with arguments.

        Args:
            module: What to start in its place: a module, as `python -m` names it, from `cwd`.
            cwd: Its working directory.
            hold: Path of a `history.csv` and a number of epochs: once there are as many in that
                file, the process stands still until a signal comes.
            with_figures: Whether it draws any, which takes longest in a small run.
            environment: Variables that it has beside those of this process.
        """
        log = self._folder / str(len(self._processes))
        log.mkdir()
        for name in ("stdout", "stderr"):
            (log / name).touch()
        program = functools.partial(run_command, hold=hold, with_figures=with_figures)
        if module is not None:
            program = functools.partial(run_module, module, with_figures=with_figures)
        process = self._context.Process(
            target=run,
            args=(log, program, list(map(str, arguments)), cwd, os.environ | environment),
        )
        process.start()
        self._processes.append(process)
        return Program(process, log)

    def close(self):
        for process in self._processes:
            process.kill()
            process.join()


def run(log, program, arguments, cwd, environment):
    """Runs a program in a forked process, with its output in files."""
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        stream = os.open(log / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(stream, descriptor)
        os.close(stream)
    assert "tests.helpers.preloaded" in sys.modules, "the server could not import it"
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    sys.exit(program(arguments))


def run_command(arguments, hold=None, with_figures=False):
    """Runs `run.py`; returns its exit code."""
    from framework.cli.main import main

    with ExitStack() as patches:
        if not with_figures:
            patches.enter_context(leave_out_figures())
        if hold:
            patches.enter_context(hold_at(*hold))
        return main(arguments)


def run_module(name, arguments, with_figures=False):
    """Runs a module of the working directory as a program."""
    sys.path.insert(0, os.getcwd())
    sys.argv = [name, *arguments]
    with nullcontext() if with_figures else leave_out_figures():
        runpy.run_module(name, run_name="__main__", alter_sys=True)


def leave_out_figures():
    return mock.patch("framework.evaluation.report.write_report.list_figures", return_value=[])


def hold_at(history, epochs):
    """Has the process wait for a signal when a `history.csv` has so many rows."""
    from framework.training import callbacks

    write = callbacks.write_history

    def write_and_wait(path, rows):
        write(path, rows)
        if path == history and len(rows) == epochs:
            signal.pause()

    return mock.patch.object(callbacks, "write_history", write_and_wait)
