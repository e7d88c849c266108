"""What every test stands on: no network, no file outside its folders, no settings from outside."""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from multiprocessing.util import Finalize
from pathlib import Path

import hypothesis
import numpy as np
import platformdirs
import pytest
from xdist.scheduler import LoadFileScheduling

from tests.helpers.browsers import MISSING, launch_browser
from tests.helpers.forker import Forker
from tests.helpers.program import ROOT, SMALL, TIMEOUT_SECONDS, VGG16_CONFIG
from tests.helpers.small_runs import CONFIG, Runner

# A port where nobody listens: every download fails at once, on any machine.
NOWHERE = "http://127.0.0.1:9"

# Settings of whoever starts the tests, for the libraries and programs that are tested.
FOREIGN = (
    "COLUMNS", "FORCE_COLOR", "HTTPS_PROXY", "HTTP_PROXY", "KERAS_", "MATPLOTLIB", "MPL",
    "NO_COLOR", "NO_PROXY", "RAY_", "TF_", "TQDM_", "TRANSFER_FRAMEWORK_", "XDG_", "XLA_",
)  # fmt: skip

# The same examples on every machine, however slow it is.
hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None)
hypothesis.settings.load_profile("repeatable")


def pytest_addoption(parser):
    parser.addoption(
        "--require-browser", action="store_true", help="fail browser tests where there is none"
    )


def pytest_configure(config):
    """Gives this session, and the programs it starts, a home and a temporary folder of its own.

    Here and not in a fixture, since Keras looks where its cache is when it is imported. The
    processes that share the tests inherit all this.
    """
    # A shell starts what runs in its background deaf to Ctrl-C, and programs started here would be.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(config, "workerinput"):
        return
    if "keras" in sys.modules:
        raise pytest.UsageError("A conftest.py imports Keras before there is a home for it.")
    browsers = platformdirs.user_cache_path("ms-playwright")
    os.environ.setdefault("PLAYWRIGHT_BROWSERS_PATH", str(browsers))
    # Where pytest keeps the folders of the last three runs.
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", tempfile.gettempdir())
    for name in list(os.environ):
        if name.startswith(FOREIGN):
            del os.environ[name]
    # A short path: those of Ray's sockets, which lie below it, may have 107 letters.
    own = Path(tempfile.mkdtemp(prefix="tests-"))
    # After multiprocessing has removed its own folder there.
    Finalize(None, shutil.rmtree, (own,), {"ignore_errors": True}, exitpriority=-1000)
    for name in ("home", "tmp", "keras"):
        (own / name).mkdir()
    tempfile.tempdir = None  # To be found anew.
    os.environ.update(
        {
            "HOME": str(own / "home"),
            "TMPDIR": str(own / "tmp"),
            "KERAS_HOME": str(own / "keras"),
            "TRANSFER_FRAMEWORK_CACHE": str(own / "cache"),
            "TF_CPP_MIN_LOG_LEVEL": "2",
            "PYTHONPATH": str(ROOT / "tests" / "strict"),
            "no_proxy": "127.0.0.1,localhost",
            "http_proxy": NOWHERE,
            "https_proxy": NOWHERE,
        }
    )


def pytest_unconfigure(config):
    """Ends with what was not run, and with the command that changes that."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    reports = reporter.stats.get("skipped", []) if reporter else []
    if count := sum(MISSING in str(report.longrepr) for report in reports):
        print(f"{count} browser tests were not run: {MISSING}. Get one with: make browser")


def pytest_xdist_make_scheduler(config, log):
    """Gives each process whole files, and one of them all that needs the Ray cluster."""
    return Scheduler(config, log)


class Scheduler(LoadFileScheduling):
    def _split_scope(self, nodeid):
        file = super()._split_scope(nodeid)
        return "Ray" if file.endswith("test_cluster.py") else file


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Begins with the files that take longest, lest the last of them keep one core busy alone."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.fixture(autouse=True)
def seeded():
    """Draws the same in every test, whichever tests ran before it, and as a run does.

    What a fixture of a module or of the session draws comes before this, and needs its own seed.
    """
    random.seed(0)
    np.random.seed(0)
    if "keras" in sys.modules:  # Most tests of the configs do without it, and start at once.
        sys.modules["keras"].utils.set_random_seed(0)
        sys.modules["tensorflow"].config.experimental.enable_op_determinism()


@pytest.fixture
def no_figures(monkeypatch):
    """Leaves the figures out of runs in this process: drawing takes longest in a small one."""
    monkeypatch.setattr("framework.evaluation.report.write_report.list_figures", lambda inputs: [])


@pytest.fixture(scope="session")
def run_program():
    """Runs `run.py` in a process of its own, as a user does."""

    def run(*arguments, cwd=ROOT, **environment):
        return subprocess.run(
            [sys.executable, str(ROOT / "run.py"), *map(str, arguments)],
            cwd=cwd,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
        )

    return run


@pytest.fixture(scope="session")
def forker(tmp_path_factory):
    """Starts the program in processes of their own without the seconds that importing takes."""
    forker = Forker(tmp_path_factory.mktemp("programs"))
    yield forker
    forker.close()


@pytest.fixture(scope="session")
def small_run(forker, tmp_path_factory):
    """A run of `small_runs.CONFIG` that nothing has disturbed, with `directory` and `config`."""
    config = tmp_path_factory.mktemp("small") / "config.yaml"
    config.write_text(CONFIG)
    runner = Runner(forker, config, config.with_name("run"))
    runner.finish()
    return runner


@pytest.fixture(scope="session")
def ray_nodes():
    """A Ray cluster of two nodes, for all tests that need one; see `ray_nodes.start_nodes`."""
    from tests.helpers.ray_nodes import start_nodes

    with start_nodes() as nodes:
        yield nodes


@pytest.fixture(scope="session")
def vgg16_run(run_program, tmp_path_factory):
    """The published top on VGG16, trained briefly by the shipped config."""
    directory = tmp_path_factory.mktemp("vgg16") / "run"
    result = run_program("--config", VGG16_CONFIG, *SMALL, "--output", directory)
    assert result.returncode == 0, result.stderr
    directory.joinpath("console.txt").write_text(result.stdout + result.stderr)
    return directory


@pytest.fixture(scope="session")
def digits_run(tmp_path_factory):
    """The directory of a run on the digits; see `digits_run.train_digits_run`."""
    from tests.helpers.digits_run import train_digits_run

    return train_digits_run(tmp_path_factory.mktemp("digits") / "run")


@pytest.fixture(scope="module")
def browser(request):
    """A headless browser, cut off from the network."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = launch_browser(playwright)
        if browser is None:
            (pytest.fail if request.config.option.require_browser else pytest.skip)(MISSING)
        yield browser
        browser.close()
