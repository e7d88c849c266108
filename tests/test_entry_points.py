"""`python -m framework` is the same program as `run.py`."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("words", "code"),
    [(["--version"], 0), (["list", "optimizers"], 0), (["--check", "--config", "none.json"], 2)],
)
def test_the_package_runs_like_run_py(words, code):
    module, script = (
        subprocess.run(
            [sys.executable, *program, *words],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        for program in (["-m", "framework"], ["run.py"])
    )

    assert module.returncode == code, module.stderr
    assert (module.returncode, module.stdout, module.stderr) == (
        script.returncode,
        script.stdout,
        script.stderr,
    )
