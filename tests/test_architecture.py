"""Layers, sizes, and which commands may import TensorFlow."""

import ast
import subprocess
import sys

import pytest

from tests.helpers.program import ROOT, VGG16_CONFIG


def test_a_package_imports_only_from_the_layers_below_and_not_in_circles():
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


def list_functions():
    """Yields `path:line name` and the node of every function of the package."""
    for path in sorted((ROOT / "framework").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", node


def count_parameters(function):
    given = function.args
    named = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
    return len([one for one in named if one and one.arg not in ("self", "cls")])


def test_files_have_at_most_300_lines():
    lines = {
        str(path): len(path.read_text().splitlines()) for path in (ROOT / "framework").rglob("*.py")
    }
    assert len(lines) > 100
    assert {path: count for path, count in lines.items() if count > 300} == {}


def test_functions_have_at_most_60_lines():
    lines = {name: node.end_lineno - node.lineno + 1 for name, node in list_functions()}
    assert {name: count for name, count in lines.items() if count > 60} == {}


def test_functions_have_at_most_7_parameters():
    counts = {name: count_parameters(node) for name, node in list_functions()}
    assert {name: count for name, count in counts.items() if count > 7} == {}
