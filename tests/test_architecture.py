"""The shape of the house: floors, and the line above which TensorFlow may be imported."""

import subprocess
import sys

import pytest

from tests.helpers.program import ROOT, VGG16_CONFIG


def test_a_floor_imports_only_from_the_floors_below():
    linter = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"
    result = subprocess.run(
        [sys.executable, "-c", linter], cwd=ROOT, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["--config", VGG16_CONFIG, "--check"], ["schema"], ["list", "backbones"]],
    ids=lambda arguments: arguments[-1].rsplit("/")[-1],
)
def test_quick_commands_import_neither_tensorflow_nor_numpy(arguments):
    program = (
        "import sys; from framework.cli.main import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as end: assert not end.code\n"
        "heavy = {'tensorflow', 'keras', 'numpy'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=ROOT, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
