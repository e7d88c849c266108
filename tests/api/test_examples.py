"""The notebook, and the examples of docs/python.md, run from top to bottom."""

import re
import shutil

import nbformat
import pytest
from nbclient import NotebookClient

from tests.helpers.program import ROOT

pytestmark = pytest.mark.long


@pytest.fixture(autouse=True)
def copy(tmp_path, monkeypatch):
    """Copies what the examples name."""
    for name in ("configs", "examples"):
        shutil.copytree(ROOT / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_notebook_runs_and_shows_its_results(copy):
    notebook = nbformat.read(copy / "examples" / "tour.ipynb", as_version=4)
    NotebookClient(notebook, resources={"metadata": {"path": copy / "examples"}}).execute()
    shown = [
        output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs
    ]
    pages = [output.data["text/html"] for output in shown if "text/html" in output.get("data", {})]
    assert sum(page.count('alt="confusion_matrix_test"') for page in pages) == 2
    said = "".join(output.text for output in shown if output.output_type == "stream")
    assert "Did you mean 'VGG16'?" in said
    assert (copy / "examples" / "tour" / "saved_model" / "saved_model").is_dir()


def test_the_examples_of_the_page_run(capsys):
    page = (ROOT / "docs" / "python.md").read_text()
    names: dict = {}
    for example in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(example, names)
    said = capsys.readouterr().out
    assert "(5, 10)" in said
    assert "Did you mean 'VGG16'?" in said
    assert names["probed"].best.layer in ("block3_pool", "block5_pool")
