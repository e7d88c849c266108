"""The Python examples of the pages, each page's from top to bottom, and the tour's notebook."""

import shutil

import nbformat
import pytest
from nbclient import NotebookClient

from tests.helpers.documented_commands import PAGES, find_blocks
from tests.helpers.program import ROOT

pytestmark = pytest.mark.long

# What the examples of a page print, among other things.
PRINTED = {
    "docs/inference.md": ["a small CNN on digits ('0', '1'"],
    "docs/python.md": ["(5, 10)", "block", "Did you mean 'VGG16'?"],
}


def test_the_examples_of_all_pages_are_run():
    pages = {str(page) for page in PAGES if find_blocks(page, "python")}
    assert pages == set(PRINTED)


@pytest.mark.parametrize("page", PRINTED)
def test_the_examples_of_a_page_run(page, digits_run, tmp_path, monkeypatch, capsys):
    from PIL import Image

    from framework.data.registry import load_digits

    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "vgg16").symlink_to(digits_run)
    for name, pixels in zip("ab", load_digits().test.images, strict=False):
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    for example in find_blocks(page, "python"):
        exec(example, names)
    said = capsys.readouterr().out
    assert [text for text in PRINTED[page] if text not in said] == []


def test_the_notebook_runs_and_shows_its_results(tmp_path):
    for name in ("configs", "examples"):
        shutil.copytree(ROOT / name, tmp_path / name)
    folder = tmp_path / "examples"
    notebook = nbformat.read(folder / "tour.ipynb", as_version=4)
    NotebookClient(notebook, resources={"metadata": {"path": folder}}).execute()
    shown = [
        output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs
    ]
    pages = [output.data["text/html"] for output in shown if "text/html" in output.get("data", {})]
    assert sum(page.count('alt="confusion_matrix_test"') for page in pages) == 2
    said = "".join(output.text for output in shown if output.output_type == "stream")
    assert "Did you mean 'VGG16'?" in said
    assert (folder / "tour" / "saved_model" / "saved_model").is_dir()
