"""What every test stands on: no network, no files outside its own folders."""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import hypothesis
import numpy as np
import pytest
from program import PATIENCE, ROOT, SMALL, VGG16_CONFIG

# A port where nobody listens: every download fails at once, on any machine.
NOWHERE = "http://127.0.0.1:9"

# The same examples on every machine, however slow it is.
hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None)
hypothesis.settings.load_profile("repeatable")


def pytest_configure(config):
    """Gives Keras's cache and the feature store a folder of this session.

    Here and not in a fixture, since Keras looks where its cache is when it is imported.
    """
    home = Path(tempfile.mkdtemp(prefix="transfer-framework-tests-"))
    config.add_cleanup(lambda: shutil.rmtree(home, ignore_errors=True))
    (home / "keras").mkdir()
    os.environ.update(
        {
            "KERAS_HOME": str(home / "keras"),
            "TRANSFER_FRAMEWORK_CACHE": str(home / "cache"),
            "TF_CPP_MIN_LOG_LEVEL": "2",
            "PYTHONPATH": str(ROOT / "tests" / "strict"),
            "no_proxy": "127.0.0.1,localhost",
            **{name: NOWHERE for name in ("http_proxy", "https_proxy")},
        }
    )
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"):
        os.environ.pop(name, None)
    # A shell starts what runs in its background deaf to Ctrl-C, and programs started here would be.
    signal.signal(signal.SIGINT, signal.default_int_handler)


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
            timeout=PATIENCE,
        )

    return run


@pytest.fixture(scope="session")
def vgg16_run(run_program, tmp_path_factory):
    """The published top on VGG16, trained briefly by the shipped config."""
    directory = tmp_path_factory.mktemp("vgg16") / "run"
    result = run_program("--config", VGG16_CONFIG, *SMALL, "--output", directory)
    assert result.returncode == 0, result.stderr
    directory.joinpath("console.txt").write_text(result.stdout + result.stderr)
    return directory


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium of the system, cut off from the network."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("not run: needs the system's Chromium (apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()
